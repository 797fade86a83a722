/**
 * ScaleKV and what else forgets scale by scale: schedules, observations, budgets by rule, by table
 * and by measured sensitivity, and the policies made of them.
 *
 * <p>Source: "Memory-Efficient Visual Autoregressive Modeling with Scale-Aware KV Cache
 * Compression", arXiv 2505.19602, and its released code and budget tables.
 */
@NullMarked
package io.github.trimtab.scalekv;

import org.jspecify.annotations.NullMarked;
