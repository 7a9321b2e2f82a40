global using unsafe Binder = delegate*<
    in Iced.Intel.Instruction,
    in Vitrine.Accelerators.Software.Decode.BindContext,
    Vitrine.Accelerators.Software.Decode.Op*,
    void>;
global using unsafe Handler = delegate*<
    Vitrine.Accelerators.Software.State.CpuState*,
    Vitrine.Accelerators.Software.Decode.Op*,
    Vitrine.Accelerators.Software.Decode.Op*>;
