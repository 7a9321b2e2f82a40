global using unsafe Binder = delegate*<
    in Iced.Intel.Instruction,
    in Vitrine.Accelerators.Software.Interpreter.Decode.BindContext,
    Vitrine.Accelerators.Software.Cpu.Op*,
    void>;
global using unsafe Handler = delegate*<
    Vitrine.Accelerators.Software.Cpu.CpuState*,
    Vitrine.Accelerators.Software.Cpu.Op*,
    Vitrine.Accelerators.Software.Cpu.Op*>;
