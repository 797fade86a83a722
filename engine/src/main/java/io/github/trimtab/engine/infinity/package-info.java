/** The self-attention of Infinity, a visual autoregressive model that draws from text. */
@NullMarked
package io.github.trimtab.engine.infinity;

import org.jspecify.annotations.NullMarked;
