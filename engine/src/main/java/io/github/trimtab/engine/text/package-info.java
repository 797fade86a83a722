/** Text as token ids and back, by the tokenizer.json of a model. */
@NullMarked
package io.github.trimtab.engine.text;

import org.jspecify.annotations.NullMarked;
