package io.github.trimtab.engine.text;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Turns token ids into text as they come. A character whose bytes are spread over several tokens
 * appears with its last one; bytes that are no UTF-8 appear as U+FFFD. Serves one text at a time.
 */
public final class StreamingDecoder {
  private final TextTokenizer tokenizer;
  private final boolean withSpecial;
  private final CharsetDecoder utf8 =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);

  /** Bytes of a character that is not yet whole, at most three. */
  private byte[] begun = new byte[0];

  StreamingDecoder(TextTokenizer tokenizer, boolean withSpecial) {
    this.tokenizer = tokenizer;
    this.withSpecial = withSpecial;
  }

  /**
   * The text that one more token completes, often empty within a character.
   *
   * @throws IllegalArgumentException if the id has no token
   */
  public String next(int id) {
    byte[] bytes = tokenizer.bytes(id);
    return !withSpecial && tokenizer.isSpecial(id) ? "" : decode(bytes, false);
  }

  /** The text of what is left at the end; the next token starts a new text. */
  public String end() {
    String rest = decode(new byte[0], true);
    utf8.reset();
    return rest;
  }

  private String decode(byte[] bytes, boolean last) {
    ByteBuffer in = ByteBuffer.allocate(begun.length + bytes.length).put(begun).put(bytes).flip();
    // No UTF-8 gives more UTF-16 units than it has bytes.
    CharBuffer out = CharBuffer.allocate(in.remaining() + 1);
    utf8.decode(in, out, last);
    if (last) {
      utf8.flush(out);
    }
    begun = new byte[in.remaining()];
    in.get(begun);
    return out.flip().toString();
  }
}
