package io.github.trimtab.engine.text;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.io.IOException;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.NavigableSet;
import java.util.OptionalInt;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A model's tokenizer, read from its tokenizer.json. Encoding is the Hugging Face tokenizers
 * library's; decoding is done here, for byte-level BPE only, so that it can stream.
 *
 * <p>Threads: any number may encode and decode at once. Native memory is freed when the tokenizer
 * is no longer reachable.
 */
public final class TextTokenizer {
  private static final Cleaner CLEANER = Cleaner.create();

  /** Surrogates without their other half: no text in UTF-8. */
  private static final Pattern UNPAIRED = Pattern.compile("\\p{Cs}");

  private final String where;
  private final TokenizerFile file;
  private final Map<String, Integer> ids = new HashMap<>();
  private final String sha256;
  private final long handle;

  private TextTokenizer(String where, TokenizerFile file, String sha256, long handle) {
    this.where = where;
    this.file = file;
    this.sha256 = sha256;
    this.handle = handle;
    file.tokens.forEach((id, token) -> ids.put(token, id));
    CLEANER.register(this, () -> TokenizersLibrary.LIB.deleteTokenizer(handle));
  }

  /**
   * Reads a tokenizer.
   *
   * @param path a tokenizer.json, or a folder that holds one
   * @throws IllegalArgumentException if it is not a tokenizer; the message names the file
   * @throws IOException if it cannot be read, or this platform has no tokenizers library
   */
  public static TextTokenizer read(Path path) throws IOException {
    Path json = Files.isDirectory(path) ? path.resolve("tokenizer.json") : path;
    byte[] bytes = Files.readAllBytes(json);
    String text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(json + ": not UTF-8, expected a tokenizer.json", e);
    }
    TokenizerFile file = TokenizerFile.parse(json.toString(), text);
    NativeLibrary.load();
    long handle;
    try {
      handle = TokenizersLibrary.LIB.createTokenizerFromString(text);
    } catch (RuntimeException e) {
      throw new IllegalArgumentException(
          json + ": " + e.getMessage() + ", expected a tokenizer.json", e);
    }
    // A model's files may ask for texts to be cut or padded to a training length.
    TokenizersLibrary.LIB.disableTruncation(handle);
    TokenizersLibrary.LIB.disablePadding(handle);
    TextTokenizer tokenizer = new TextTokenizer(json.toString(), file, sha256(bytes), handle);
    tokenizer.checkAddedIds();
    return tokenizer;
  }

  /** The library numbers added tokens by itself, which in a file with gaps gives other ids. */
  private void checkAddedIds() {
    for (int id : file.added) {
      int[] found = encode(token(id), false);
      if (Arrays.stream(found).noneMatch(other -> other == id)) {
        throw new IllegalArgumentException(
            where
                + ": added_tokens: "
                + token(id)
                + ": id "
                + id
                + ", expected "
                + Arrays.stream(found).mapToObj(String::valueOf).collect(Collectors.joining(" "))
                + ", which the tokenizers library gives");
      }
    }
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /**
   * The ids of a text. Special tokens that the text spells out become their ids.
   *
   * @param text any text; unpaired surrogates count as U+FFFD
   * @param withSpecial whether to add what the tokenizer puts around a text, such as a begin token
   */
  public int[] encode(String text, boolean withSpecial) {
    long encoding = TokenizersLibrary.LIB.encode(handle, wellFormed(text), withSpecial);
    try {
      long[] wide = TokenizersLibrary.LIB.getTokenIds(encoding);
      int[] narrow = new int[wide.length];
      for (int i = 0; i < wide.length; i++) {
        narrow[i] = Math.toIntExact(wide[i]);
      }
      return narrow;
    } finally {
      TokenizersLibrary.LIB.deleteEncoding(encoding);
      Reference.reachabilityFence(this);
    }
  }

  private static String wellFormed(String text) {
    return UNPAIRED.matcher(text).replaceAll("\ufffd");
  }

  /**
   * The text of ids; bytes that are no UTF-8 appear as U+FFFD.
   *
   * @param withSpecial whether special tokens appear too
   * @throws IllegalArgumentException if an id has no token
   * @throws UnsupportedOperationException if the tokenizer is not byte-level
   */
  public String decode(int[] tokenIds, boolean withSpecial) {
    StreamingDecoder decoder = decoder(withSpecial);
    StringBuilder text = new StringBuilder();
    for (int id : tokenIds) {
      text.append(decoder.next(id));
    }
    return text.append(decoder.end()).toString();
  }

  /**
   * Decodes a text token by token.
   *
   * @param withSpecial whether special tokens appear too
   * @throws UnsupportedOperationException if the tokenizer is not byte-level
   */
  public StreamingDecoder decoder(boolean withSpecial) {
    if (!file.byteLevel) {
      throw new UnsupportedOperationException(where + ": decoder: expected ByteLevel");
    }
    return new StreamingDecoder(this, withSpecial);
  }

  /** Bytes of a token: those that it stands for, or an added token's text. */
  byte[] bytes(int id) {
    String token = token(id);
    return file.added.contains(id)
        ? token.getBytes(StandardCharsets.UTF_8)
        : ByteLevel.bytes(token);
  }

  boolean isSpecial(int id) {
    return file.special.contains(id);
  }

  /** Lower-case hexadecimal SHA-256 of the file's bytes: what kept vocabularies are tied to. */
  public String sha256() {
    return sha256;
  }

  /** One more than the highest id. */
  public int vocabularySize() {
    return Collections.max(file.tokens.keySet()) + 1;
  }

  /** The ids that have a token. A model's head may have more rows, which are padding. */
  public BitSet ids() {
    BitSet all = new BitSet();
    file.tokens.keySet().forEach(all::set);
    return all;
  }

  /**
   * A token as the file spells it.
   *
   * @throws IllegalArgumentException if the id has none
   */
  public String token(int id) {
    String token = file.tokens.get(id);
    if (token == null) {
      throw new IllegalArgumentException(
          "id: " + id + ", expected one of the " + file.tokens.size() + " tokens of " + where);
    }
    return token;
  }

  /** The id of a token as the file spells it, if there is one. */
  public OptionalInt id(String token) {
    Integer id = ids.get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /** Ids of special tokens: those that decoding may leave out. */
  public NavigableSet<Integer> specialIds() {
    return Collections.unmodifiableNavigableSet(file.special);
  }

  /** Ids of all tokens added to the model's own: special, template and tool tokens. */
  public NavigableSet<Integer> addedIds() {
    return Collections.unmodifiableNavigableSet(file.added);
  }

  /** Ids of tokens that stand for a single byte: of these any text can be made. */
  public NavigableSet<Integer> byteIds() {
    NavigableSet<Integer> single = new TreeSet<>();
    for (int b = 0; b < 256; b++) {
      String token =
          file.byteLevel ? String.valueOf(ByteLevel.character(b)) : "<0x%02X>".formatted(b);
      id(token).ifPresent(single::add);
    }
    return single;
  }

  /** Loads the native library once, from the jar, without any network. */
  private static final class NativeLibrary {
    static {
      // On machines with a GPU the loader would else look for another build on the network.
      System.setProperty("ai.djl.offline", "true");
    }

    private NativeLibrary() {}

    static void load() throws IOException {
      try {
        LibUtils.checkStatus();
      } catch (RuntimeException | LinkageError e) {
        throw new IOException("tokenizers library: " + e.getMessage(), e);
      }
    }
  }
}
