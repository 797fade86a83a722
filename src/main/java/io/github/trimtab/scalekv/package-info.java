/**
 * ScaleKV: scale schedules, observation windows, budget tables and the eviction policy made of
 * them.
 *
 * <p>Source: "Memory-Efficient Visual Autoregressive Modeling with Scale-Aware KV Cache
 * Compression", arXiv 2505.19602, and its released code and budget tables.
 */
@NullMarked
package io.github.trimtab.scalekv;

import org.jspecify.annotations.NullMarked;
