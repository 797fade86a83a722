@NullMarked
package io.github.trimtab.benchmarks;

import org.jspecify.annotations.NullMarked;
