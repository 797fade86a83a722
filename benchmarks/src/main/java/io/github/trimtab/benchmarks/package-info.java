/**
 * What the kernels reach on this machine: shares of ceilings and ratios to peers, measured in the
 * same run, and the pages that show them.
 */
@NullMarked
package io.github.trimtab.benchmarks;

import org.jspecify.annotations.NullMarked;
