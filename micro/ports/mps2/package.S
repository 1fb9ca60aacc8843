// The package that the firmware carries, byte for byte.
  .section .package, "a"
  .balign 32
  .incbin TFODCL_PACKAGE_FILE
