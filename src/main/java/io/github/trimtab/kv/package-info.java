/**
 * A paged key/value cache that forgets, the policies that say what it forgets, and what it will
 * hold.
 *
 * <p>The cache of a language model, whose prompt keeps 1024 tokens a layer, those that its last 32
 * queries attend to (SnapKV, arXiv 2404.14469), and to which the text is then appended:
 *
 * <pre>{@code
 * var scoring = new Scoring(Mode.SOFTMAX, scale, Mask.CAUSAL, Pooling.AVG, 5);
 * int[] last = IntStream.range(tokens - 32, tokens).toArray();
 * var snap = new Retention.Scored(last, last, scoring, 1024);
 * for (int layer = 0; layer < layers; layer++) {
 *   NewTokens prompt = model.keysAndValues(layer, tokens);
 *   Tensor q = model.queries(layer, tokens);
 *   Tensor out = model.output(tokens);
 *   cache.attend(layer, q, null, prompt, Mask.CAUSAL, null, scale, out, null);
 *   cache.store(layer, q, prompt, snap);
 * }
 * while (model.goesOn()) {
 *   for (int layer = 0; layer < layers; layer++) {
 *     NewTokens token = model.keysAndValues(layer, 1);
 *     cache.attend(layer, model.queries(layer, 1), token, scale, model.output(1));
 *     cache.append(layer, token);
 *   }
 * }
 * }</pre>
 *
 * <p>Images, whose budgets change from scale to scale, have policies of their own in {@code
 * scalekv}.
 */
@NullMarked
package io.github.trimtab.kv;

import org.jspecify.annotations.NullMarked;
