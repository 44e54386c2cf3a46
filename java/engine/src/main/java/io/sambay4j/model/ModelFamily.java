package io.sambay4j.model;

import java.util.Arrays;
import java.util.stream.Collectors;

/** The architectures this engine runs. */
public enum ModelFamily {
  /** Phi-4-mini-flash as published. */
  PHI4FLASH("phi4flash", "Phi4FlashForCausalLM"),
  /** Its research relatives: SambaY with and without differential attention, Samba, Samba+YOCO. */
  SAMBAY("sambay", "SambaYForCausalLM"),
  /** Plain Mamba in the layout of converted checkpoints. */
  MAMBA("mamba", "MambaForCausalLM"),
  /** Dense Phi-3 and Phi-4-mini: attention in every layer. */
  PHI3("phi3", "Phi3ForCausalLM");

  private final String modelType;
  private final String architecture;

  ModelFamily(String modelType, String architecture) {
    this.modelType = modelType;
    this.architecture = architecture;
  }

  /** The value of {@code model_type} in {@code config.json}. */
  public String modelType() {
    return modelType;
  }

  /** The entry of {@code architectures} in {@code config.json}. */
  public String architecture() {
    return architecture;
  }

  /** All families as a list for messages. */
  static String supported() {
    return Arrays.stream(values())
        .map(f -> f.modelType + " (" + f.architecture + ")")
        .collect(Collectors.joining(", "));
  }
}
