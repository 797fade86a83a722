/**
 * Which rows of a draft head to keep: token counts, the choice made from them, how much of other
 * text it covers, and the files in which the field keeps such choices.
 */
@NullMarked
package io.github.trimtab.vocab;

import org.jspecify.annotations.NullMarked;
