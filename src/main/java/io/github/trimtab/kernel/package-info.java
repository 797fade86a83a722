/**
 * The operations as values, and the one interface that every backend implements.
 *
 * <p>Shapes are written with these letters:
 *
 * <table>
 *   <caption>Letters of shapes</caption>
 *   <tr><td>R<td>rows of the batch
 *   <tr><td>H<td>query heads
 *   <tr><td>G<td>key/value heads; G divides H, and query head h reads key/value head h / (H/G)
 *   <tr><td>D<td>head dim: elements of a head, a multiple of 8, at most 256
 *   <tr><td>M<td>queries, or new tokens, of a step
 *   <tr><td>L<td>lists of pages of a row: 1, or one a key/value head
 *   <tr><td>T<td>tokens of a row, history and then new ones; of a block table, pages of a list
 *   <tr><td>W<td>queries that score
 *   <tr><td>P<td>tokens of the window, which stay without a score
 *   <tr><td>C<td>tokens that stay, the window's included
 *   <tr><td>V, d<td>rows of a weight matrix (the vocabulary) and elements of a row
 *   <tr><td>k<td>rows of it that take part
 * </table>
 *
 * <p>Tensors are strided, so an engine hands over memory as it lies: what it holds as [R,M,H,D],
 * the heads of a token side by side, is [R,H,M,D] by {@code tensor.permute(0, 2, 1, 3)}.
 */
@NullMarked
package io.github.trimtab.kernel;

import org.jspecify.annotations.NullMarked;
