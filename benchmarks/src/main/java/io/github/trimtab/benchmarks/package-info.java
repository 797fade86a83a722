/** JMH benchmarks: ratios against a peer or a ceiling measured in the same run. */
@NullMarked
package io.github.trimtab.benchmarks;

import org.jspecify.annotations.NullMarked;
