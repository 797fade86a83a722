package io.github.trimtab.engine.var;

/**
 * Uniform random numbers that depend on nothing but the seed, the picture, the scale and the token,
 * so that pictures drawn with different caches share their noise.
 */
public record Noise(long seed, int picture) {

  /** A number in [0, 1). */
  public double uniform(int scale, int token) {
    long bits = mix(seed);
    bits = mix(bits ^ picture);
    bits = mix(bits ^ scale);
    bits = mix(bits ^ token);
    return (bits >>> 11) * 0x1p-53;
  }

  /** One step of the SplitMix64 generator (Steele, Lea, Flood 2014). */
  private static long mix(long state) {
    long z = state + 0x9e3779b97f4a7c15L;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }
}
