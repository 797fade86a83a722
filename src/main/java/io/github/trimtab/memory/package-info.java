/**
 * Off-heap buffers of host or device, their element formats, strided views, and the pool of pages.
 */
@NullMarked
package io.github.trimtab.memory;

import org.jspecify.annotations.NullMarked;
