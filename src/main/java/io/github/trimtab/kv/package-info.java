/**
 * A paged key/value cache that forgets, the policies that say what it forgets, and what it will
 * hold.
 */
@NullMarked
package io.github.trimtab.kv;

import org.jspecify.annotations.NullMarked;
