/**
 * Speculative decoding that is lossless with any draft head: a draft model proposes tokens, the
 * target checks them all in one pass, and the text has the target's own distribution whatever the
 * draft head has kept of the vocabulary.
 *
 * <p>Independent of any engine: an engine brings a {@link
 * io.github.trimtab.speculative.TargetModel}, a {@link io.github.trimtab.speculative.DraftModel}
 * and {@link io.github.trimtab.speculative.DraftHead}s. Random numbers come from the caller.
 *
 * <p>A kept vocabulary limits what may be drafted and never what may be emitted: the target's
 * distribution is never renormalised on it.
 */
@NullMarked
package io.github.trimtab.speculative;

import org.jspecify.annotations.NullMarked;
