package io.github.trimtab;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaAccess.Predicates.targetOwner;
import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.equivalentTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Which package may know which, and who may touch what is unsafe or incubating. */
final class ArchitectureTest {
  private static final String ROOT = "io.github.trimtab";

  /** Each package with the others that it may use. A new package states its place here. */
  private static final Map<String, List<String>> MAY_USE =
      Map.ofEntries(
          Map.entry("", List.of(".kernel", ".internal.scalar", ".cuda")),
          Map.entry(
              ".cuda",
              List.of(
                  ".kernel",
                  ".memory",
                  ".internal.scalar",
                  ".internal.cuda",
                  ".internal.cuda.bindings")),
          Map.entry(".memory", List.of()),
          Map.entry(".io", List.of(".memory")),
          Map.entry(".kernel", List.of(".memory", ".internal")),
          Map.entry(".kv", List.of(".kernel", ".memory", ".internal")),
          Map.entry(".scalekv", List.of(".kv", ".kernel", ".memory", ".internal")),
          Map.entry(".vocab", List.of(".io")),
          Map.entry(".speculative", List.of(".kernel", ".memory", ".internal")),
          Map.entry(".internal", List.of()),
          Map.entry(".internal.cuda", List.of(".kernel", ".memory", ".internal.cuda.bindings")),
          Map.entry(".internal.cuda.bindings", List.of()),
          Map.entry(".internal.host", List.of(".kernel", ".memory")),
          Map.entry(".internal.scalar", List.of(".internal.host", ".kernel", ".memory")),
          Map.entry(".internal.vector", List.of(".internal.host", ".kernel", ".memory")));

  private static final JavaClasses LIBRARY =
      new ClassFileImporter()
          .withImportOption(new DoNotIncludeTests())
          .importPackages(MAY_USE.keySet().stream().map(name -> ROOT + name).toList());

  @Test
  void everyPackageHasItsPlace() {
    var found =
        LIBRARY.stream()
            .map(JavaClass::getPackageName)
            .filter(name -> name.startsWith(ROOT))
            .map(name -> name.substring(ROOT.length()));
    assertThat(found).hasSizeGreaterThan(MAY_USE.size()).allMatch(MAY_USE::containsKey);
  }

  static Stream<String> packages() {
    return MAY_USE.keySet().stream();
  }

  @ParameterizedTest
  @MethodSource("packages")
  void dependenciesPointOneWay(String name) {
    String[] allowed =
        Stream.concat(Stream.of(name), MAY_USE.getOrDefault(name, List.of()).stream())
            .map(used -> ROOT + used)
            .toArray(String[]::new);
    classes()
        .that()
        .resideInAPackage(ROOT + name)
        .should()
        .onlyDependOnClassesThat(resideInAnyPackage(allowed).or(not(resideInAPackage(ROOT + ".."))))
        .check(LIBRARY);
  }

  @Test
  void onlyBackendsAndTheCudaPackageReachInternals() {
    noClasses()
        .that()
        .resideOutsideOfPackages("..internal..", ROOT + ".cuda")
        .and()
        .haveNameNotMatching(Pattern.quote(Backends.class.getName()) + "(\\$.*)?")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("..internal.*..")
        .check(LIBRARY);
  }

  @Test
  void onlyTheVectorBackendTouchesTheVectorApi() {
    noClasses()
        .that()
        .resideOutsideOfPackage("..internal.vector..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("jdk.incubator.vector..")
        .check(LIBRARY);
  }

  @Test
  void onlyTheCudaBackendAndHugePagesTouchNativeFunctions() {
    noClasses()
        .that()
        .resideOutsideOfPackage("..internal.cuda..")
        .and()
        .haveNameNotMatching(Pattern.quote(ROOT + ".memory.HugePages") + "(\\$.*)?")
        .should()
        .dependOnClassesThat()
        .belongToAnyOf(Linker.class, SymbolLookup.class)
        .orShould()
        .callMethodWhere(
            target(nameMatching("reinterpret")).and(targetOwner(equivalentTo(MemorySegment.class))))
        .orShould()
        .callMethodWhere(
            target(nameMatching("load|loadLibrary")).and(targetOwner(equivalentTo(System.class))))
        .check(LIBRARY);
  }

  @Test
  void noFunctionThatMayEnterTheDriverIsCritical() {
    noClasses()
        .should()
        .callMethodWhere(
            target(nameMatching("critical")).and(targetOwner(equivalentTo(Linker.Option.class))))
        .check(LIBRARY);
  }

  @Test
  void nothingIsPrinted() {
    // jextract's classes print only where its own tracing property is set.
    NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS.check(
        LIBRARY.that(resideOutsideOfPackage("..internal.cuda.bindings..")));
  }
}
