/** The files that models come in: configurations in JSON, weights in safetensors. */
@NullMarked
package io.github.trimtab.engine.checkpoint;

import org.jspecify.annotations.NullMarked;
