package io.github.trimtab.scalekv;

/** What a layer does with the history of scales (ScaleKV, section 3.1). */
public enum LayerRole {
  /** Spreads its attention over many earlier scales: keeps practically everything. */
  DRAFTER,
  /** Concentrates on the current map: shares what the drafters leave. */
  REFINER
}
