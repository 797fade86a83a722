package io.github.trimtab.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Parses the JSON header of a safetensors file and believes nothing that it says. */
final class SafetensorsHeader {
  /** Where the header keeps free text instead of a tensor. */
  static final String METADATA = "__metadata__";

  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /** Bits of an element of each dtype that the format defines. */
  private static final Map<String, Integer> BITS = new TreeMap<>();

  static {
    bits(4, "F4");
    bits(6, "F6_E2M3", "F6_E3M2");
    bits(8, "BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0");
    bits(16, "I16", "U16", "F16", "BF16");
    bits(32, "I32", "U32", "F32");
    bits(64, "F64", "I64", "U64", "C64");
  }

  private final Path file;
  private final long dataBytes;
  private final List<TensorInfo> tensors = new ArrayList<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();

  private SafetensorsHeader(Path file, long dataBytes) {
    this.file = file;
    this.dataBytes = dataBytes;
  }

  private static void bits(int bits, String... formats) {
    for (String format : formats) {
      BITS.put(format, bits);
    }
  }

  /**
   * Parses a header and checks that its tensors tile the data exactly.
   *
   * @param json the header's bytes
   * @param dataBytes bytes that follow the header in the file
   */
  static SafetensorsHeader parse(Path file, ByteBuffer json, long dataBytes) throws IOException {
    var header = new SafetensorsHeader(file, dataBytes);
    try (JsonParser parser = JSON.createParser(header.decode(json))) {
      header.readAll(parser);
    } catch (JsonProcessingException e) {
      throw header.bad("header: " + e.getOriginalMessage() + ", expected a JSON object");
    }
    header.tensors.sort(
        Comparator.comparingLong(TensorInfo::offset).thenComparingLong(TensorInfo::bytes));
    header.checkTiling();
    return header;
  }

  /** Tensors in the order of their data. */
  List<TensorInfo> tensors() {
    return tensors;
  }

  Map<String, String> metadata() {
    return metadata;
  }

  private String decode(ByteBuffer json) throws FileFormatException {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(json).toString();
    } catch (CharacterCodingException e) {
      throw bad("header: malformed text, expected UTF-8");
    }
  }

  private void readAll(JsonParser parser) throws IOException {
    expect(parser.nextToken(), JsonToken.START_OBJECT, "header", "a JSON object");
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      if (name.equals(METADATA)) {
        readMetadata(parser);
      } else {
        tensors.add(readTensor(parser, name));
      }
    }
    if (parser.nextToken() != null) {
      throw bad("header: more text after the JSON object, expected only spaces");
    }
  }

  private void readMetadata(JsonParser parser) throws IOException {
    expect(parser.nextToken(), JsonToken.START_OBJECT, METADATA, "an object of strings");
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String key = parser.currentName();
      expect(parser.nextToken(), JsonToken.VALUE_STRING, METADATA + "." + key, "a string");
      metadata.put(key, parser.getText());
    }
  }

  private TensorInfo readTensor(JsonParser parser, String name) throws IOException {
    String what = "tensor " + name;
    expect(parser.nextToken(), JsonToken.START_OBJECT, what, "an object");
    String format = null;
    List<Long> shape = null;
    List<Long> offsets = null;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String field = parser.currentName();
      parser.nextToken();
      switch (field) {
        case "dtype" -> {
          expect(parser.currentToken(), JsonToken.VALUE_STRING, what + ": dtype", "a string");
          format = parser.getText();
        }
        case "shape" -> shape = readSizes(parser, what + ": shape");
        case "data_offsets" -> offsets = readSizes(parser, what + ": data_offsets");
        default ->
            throw bad(what + ": field " + field + ", expected dtype, shape and data_offsets only");
      }
    }
    if (format == null || shape == null || offsets == null) {
      throw bad(what + ": a field is missing, expected dtype, shape and data_offsets");
    }
    return checked(what, name, format, shape, offsets);
  }

  private List<Long> readSizes(JsonParser parser, String what) throws IOException {
    expect(parser.currentToken(), JsonToken.START_ARRAY, what, "an array of integers");
    List<Long> sizes = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      boolean fits =
          parser.currentToken() == JsonToken.VALUE_NUMBER_INT
              && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER
              && parser.getLongValue() >= 0;
      if (!fits) {
        throw bad(what + ": " + parser.getText() + ", expected integers from 0 to 2^63 - 1");
      }
      sizes.add(parser.getLongValue());
    }
    return sizes;
  }

  private TensorInfo checked(
      String what, String name, String format, List<Long> shape, List<Long> offsets)
      throws FileFormatException {
    Integer bits = BITS.get(format);
    if (bits == null) {
      throw bad(what + ": dtype " + format + ", expected one of " + BITS.keySet());
    }
    if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
      throw bad(what + ": data_offsets " + offsets + ", expected a begin and an end not before it");
    }
    long begin = offsets.get(0);
    long end = offsets.get(1);
    if (end > dataBytes) {
      throw bad(
          what
              + ": data_offsets "
              + offsets
              + ", expected an end within the "
              + dataBytes
              + " bytes of data that the file holds");
    }
    long size = totalBits(what, shape, bits);
    if (size % 8 != 0 || size / 8 != end - begin) {
      throw bad(
          what
              + ": data_offsets "
              + offsets
              + " hold "
              + (end - begin)
              + " bytes, expected "
              + Math.ceilDiv(size, 8L)
              + " for "
              + format
              + shape);
    }
    return new TensorInfo(name, format, shape, begin, end - begin);
  }

  private long totalBits(String what, List<Long> shape, int bits) throws FileFormatException {
    boolean empty = shape.contains(0L);
    long total = bits;
    try {
      for (long size : shape) {
        total = Math.multiplyExact(total, Math.max(size, 1));
      }
    } catch (ArithmeticException e) {
      throw bad(what + ": shape " + shape + ", expected fewer than 2^63 bits of data");
    }
    return empty ? 0 : total;
  }

  /** Data must be covered once and entirely: nothing overlaps, and nothing hides in a hole. */
  private void checkTiling() throws FileFormatException {
    long end = 0;
    for (TensorInfo tensor : tensors) {
      if (tensor.offset() != end) {
        throw bad(
            "tensor "
                + tensor.name()
                + ": data_offsets begin at "
                + tensor.offset()
                + ", expected "
                + end
                + ", where the tensor before it ends");
      }
      end += tensor.bytes();
    }
    if (end != dataBytes) {
      throw bad("data: " + dataBytes + " bytes, expected the " + end + " that the tensors take");
    }
  }

  private void expect(@Nullable JsonToken actual, JsonToken wanted, String what, String expected)
      throws FileFormatException {
    if (actual != wanted) {
      throw bad(what + ": " + actual + ", expected " + expected);
    }
  }

  private FileFormatException bad(String complaint) {
    return new FileFormatException(file, complaint);
  }
}
