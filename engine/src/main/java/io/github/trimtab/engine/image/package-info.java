/** Pictures: PNG files, contact sheets, and how alike two pictures are. */
@NullMarked
package io.github.trimtab.engine.image;

import org.jspecify.annotations.NullMarked;
