/** The study: what policies that forget cost in fidelity, on a model's own maps and pictures. */
@NullMarked
package io.github.trimtab.engine.study;

import org.jspecify.annotations.NullMarked;
