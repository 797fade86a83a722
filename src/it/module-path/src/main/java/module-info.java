/** A stranger's module that requires the library and nothing else. */
module consumer {
  requires io.github.trimtab;
}
