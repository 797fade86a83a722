package io.github.trimtab.engine;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import org.junit.jupiter.api.Test;

final class ArchitectureTest {

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new DoNotIncludeTests())
          .importPackages("io.github.trimtab.engine");

  @Test
  void dependenciesPointFromTheCommandLineToTheArithmetic() {
    layeredArchitecture()
        .consideringOnlyDependenciesInLayers()
        .layer("cli")
        .definedBy("..engine.cli..")
        .layer("demo")
        .definedBy("..engine.demo..")
        .layer("study")
        .definedBy("..engine.study..")
        .layer("var")
        .definedBy("..engine.var..")
        .layer("cuda")
        .definedBy("..engine.cuda..")
        .layer("infinity")
        .definedBy("..engine.infinity..")
        .layer("text")
        .definedBy("..engine.text..")
        .layer("image")
        .definedBy("..engine.image..")
        .layer("math")
        .definedBy("..engine.math..")
        .layer("checkpoint")
        .definedBy("..engine.checkpoint..")
        .layer("llama")
        .definedBy("..engine.llama..")
        .layer("completion")
        .definedBy("..engine.completion..")
        .layer("draftstudy")
        .definedBy("..engine.draftstudy..")
        .layer("report")
        .definedBy("..engine.report..")
        .whereLayer("cli")
        .mayNotBeAccessedByAnyLayer()
        .whereLayer("demo")
        .mayOnlyBeAccessedByLayers("cli")
        .whereLayer("study")
        .mayOnlyBeAccessedByLayers("demo", "cli")
        .whereLayer("var")
        .mayOnlyBeAccessedByLayers("infinity", "demo", "study", "cli")
        .whereLayer("cuda")
        .mayOnlyBeAccessedByLayers("var", "llama", "cli")
        .whereLayer("draftstudy")
        .mayOnlyBeAccessedByLayers("cli")
        .whereLayer("completion")
        .mayOnlyBeAccessedByLayers("draftstudy", "demo", "cli")
        .whereLayer("llama")
        .mayOnlyBeAccessedByLayers("completion", "draftstudy", "demo", "cli")
        .whereLayer("report")
        .mayOnlyBeAccessedByLayers("study", "draftstudy")
        .whereLayer("report")
        .mayNotAccessAnyLayer()
        .whereLayer("checkpoint")
        .mayOnlyBeAccessedByLayers("infinity", "var", "llama", "draftstudy", "study")
        .whereLayer("text")
        .mayNotAccessAnyLayer()
        .whereLayer("image")
        .mayOnlyBeAccessedByLayers("var", "demo", "study", "cli")
        .whereLayer("math")
        .mayOnlyBeAccessedByLayers("infinity", "var", "llama", "study")
        .check(CLASSES);
  }

  @Test
  void onlyTheArithmeticTouchesTheVectorApi() {
    noClasses()
        .that()
        .resideOutsideOfPackage("..engine.math..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("jdk.incubator.vector..")
        .check(CLASSES);
  }

  @Test
  void theEngineUsesTheLibraryAsAnyUserWould() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAPackage("io.github.trimtab.internal..")
        .check(CLASSES);
  }
}
