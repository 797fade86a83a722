package io.github.trimtab;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import org.junit.jupiter.api.Test;

final class ArchitectureTest {
  @Test
  void onlyTheVectorBackendTouchesTheVectorApi() {
    noClasses()
        .that()
        .resideOutsideOfPackage("..internal.vector..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("jdk.incubator.vector..")
        .check(new ClassFileImporter().importPackages("io.github.trimtab"));
  }
}
