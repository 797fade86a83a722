package io.github.trimtab.engine.report;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A page in Markdown that shows a study's tables: between {@code <!-- study: NAME -->} and {@code
 * <!-- end -->} stands the table of that name.
 */
public final class MarkdownPage {

  private static final Pattern PART =
      Pattern.compile("(<!-- study: (\\S+) -->\n).*?(<!-- end -->)", Pattern.DOTALL);

  private MarkdownPage() {}

  /** A page with those of its marked parts written anew that there is a table for. */
  public static String fill(String page, Map<String, String> tables) {
    return PART.matcher(page)
        .replaceAll(part -> {
          String table = tables.get(part.group(2));
          return Matcher.quoteReplacement(
              table == null ? part.group() : part.group(1) + table + part.group(3));
        });
  }
}
