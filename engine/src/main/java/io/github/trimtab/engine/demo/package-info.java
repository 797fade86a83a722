/** The demonstration: the same pictures drawn with caches that forget more or less. */
@NullMarked
package io.github.trimtab.engine.demo;

import org.jspecify.annotations.NullMarked;
