/**
 * What both CPU backends share: checks of index buffers, addressing, token formats and canonical
 * maths.
 */
@NullMarked
package io.github.trimtab.internal.host;

import org.jspecify.annotations.NullMarked;
