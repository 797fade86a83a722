/** The operations on jdk.incubator.vector, at any vector width. */
@NullMarked
package io.github.trimtab.internal.vector;

import org.jspecify.annotations.NullMarked;
