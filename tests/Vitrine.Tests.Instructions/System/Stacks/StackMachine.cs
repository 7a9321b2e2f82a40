using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Software.Stacks;

/// <summary>
/// A vCPU in protected or 64-bit mode with segments of every width, which runs to a HLT: memory that is not named below is full of them.
/// <code>
///  01000 GDT   01800 IDT   02000 TSS   02100 second TSS   03000 data   04000 low stack (grows down)   08000 code   0A000 handler
///  20000 to 2FFFF the stacks: 16-bit stacks have their base here, wider ones the base 0   38000 page tables
/// </code>
/// </summary>
internal sealed class StackMachine : IDisposable
{
    public const ulong Data = 0x3000;
    public const ulong LowStack = 0x4000;
    public const ulong Code = 0x8000;
    public const ulong Handler = 0xA000;
    public const ulong Stack16Base = 0x2_0000;
    public const ulong Tss = 0x2000;
    public const ulong Task2 = 0x2100;
    public const int Vector = 0x20;

    public const ushort Tss32Selector = 0x78;
    public const ushort Tss16Selector = 0x80;
    public const ushort Task32Selector = 0x88;
    public const ushort Task16Selector = 0x90;
    public const ushort GateSelector = 0x98;

    private const ulong Gdt = 0x1000;
    private const ulong Idt = 0x1800;
    private const ulong Tables = 0x3_8000;
    private const int Size = 0x4_0000;
    private const byte Hlt = 0xF4;

    private readonly GuestMemory _memory = new();
    private readonly SoftwareAccelerator _accelerator;
    private readonly SoftwareVcpu _vcpu;
    private readonly ProcessorState _initial = new();

    public StackMachine(SoftwareEngine engine)
    {
        Engines.SkipUnlessPresent(engine);
        MemorySlot ram = _memory.Add("ram", new Gpa(0), Size);
        _accelerator = SoftwareAccelerator.Create(new SoftwareOptions { Engine = engine });
        _accelerator.SetMemorySlot(ram);
        _vcpu = (SoftwareVcpu)_accelerator.CreateVcpu(0);
        _vcpu.GetState(_initial);
    }

    /// <summary>The processor where the last run ended; RIP is that of the HLT.</summary>
    public ProcessorState State { get; } = new();

    public static ushort CodeSelector(int bits, int cpl = 0) => (ushort)((bits switch { 16 => 0x08, 32 => 0x10, _ => 0x18 } + (cpl == 0 ? 0 : 0x18)) | cpl);

    public static ushort StackSelector(int bits, int cpl = 0) => (ushort)((bits == 16 ? 0x38 : 0x40) + (cpl == 0 ? 0 : 0x10) | cpl);

    /// <summary>Memory as it is before every run, with the instruction in place.</summary>
    public static byte[] Image(ReadOnlySpan<byte> instruction)
    {
        byte[] memory = new byte[Size];
        memory.AsSpan().Fill(Hlt);
        memory.AsSpan(0x1000, 0x2000).Clear();
        for (int i = (int)Stack16Base; i < (int)Tables; i++) memory[i] = (byte)(((i * 7) + (i >> 8)) | 1);
        memory.AsSpan((int)Tables).Clear();
        instruction.CopyTo(memory.AsSpan((int)Code));
        StackModel writer = new(StackWidths.All[0], memory);
        ReadOnlySpan<ulong> descriptors =
        [
            0,
            0x008F_9B00_0000_FFFF, 0x00CF_9B00_0000_FFFF, 0x00AF_9B00_0000_FFFF, // code of 16, 32 and 64 bits, level 0
            0x008F_FB00_0000_FFFF, 0x00CF_FB00_0000_FFFF, 0x00AF_FB00_0000_FFFF, // and level 3
            0x0000_9302_0000_FFFF, 0x00CF_9300_0000_FFFF, // data of 16 and 32 bits, level 0
            0x0000_F302_0000_FFFF, 0x00CF_F300_0000_FFFF, // and level 3
        ];
        for (int i = 0; i < descriptors.Length; i++) writer.Write(Gdt + (ulong)(i * 8), descriptors[i], 8);
        writer.Write(Gdt + Tss32Selector, 0x0000_8B00_0000_0067 | (Tss << 16), 8);
        writer.Write(Gdt + Tss16Selector, 0x0000_8300_0000_002B | (Tss << 16), 8);
        writer.Write(Gdt + Task32Selector, 0x0000_8900_0000_0067 | (Task2 << 16), 8);
        writer.Write(Gdt + Task16Selector, 0x0000_8100_0000_002B | (Task2 << 16), 8);
        writer.Write(Tables, Tables + 0x1027, 8);
        writer.Write(Tables + 0x1000, Tables + 0x2027, 8);
        writer.Write(Tables + 0x2000, 0xE7, 8);
        return memory;
    }

    public static void SetGate(byte[] memory, int vector, GateDescriptor gate) =>
        new StackModel(StackWidths.All[0], memory).Write(Idt + ((ulong)vector * 8), gate.Low, 8);

    public static void SetGate(byte[] memory, GateDescriptor gate) =>
        new StackModel(StackWidths.All[0], memory).Write(Gdt + GateSelector, gate.Low, 8);

    /// <summary>Runs the instruction at <see cref="Code"/> from the registers and the memory of a model.</summary>
    /// <returns>Memory behind it.</returns>
    public byte[] Run(StackModel start, int cpl = 0, bool tss16 = false, Action<ProcessorState>? change = null)
    {
        Assert.True(_memory.TryWrite(new Gpa(0), start.Memory));
        ProcessorState state = State;
        _vcpu.GetState(state);
        bool is64 = start.Widths.Code == 64;
        state.Segments[Seg.Cs] = new(
            CodeSelector(start.Widths.Code, cpl), 0, uint.MaxValue, (start.Widths.Code switch { 16 => 0x809Bu, 32 => 0xC09B, _ => 0xA09B }) | ((uint)cpl << 5));
        foreach (int data in (ReadOnlySpan<int>)[Seg.Es, Seg.Ds, Seg.Fs, Seg.Gs]) state.Segments[data] = new(StackSelector(32, cpl), 0, uint.MaxValue, 0xC093 | ((uint)cpl << 5));
        state.Segments[Seg.Ss] = start.StackBits == 16
            ? new(StackSelector(16, cpl), Stack16Base, 0xFFFF, 0x0093 | ((uint)cpl << 5))
            : state.Segments[Seg.Ds];
        state.Segments[Seg.Tr] = tss16 ? new(Tss16Selector, Tss, 0x2B, 0x83) : new(Tss32Selector, Tss, 0x67, 0x8B);
        state.Segments[Seg.Ldtr] = new(0, 0, 0, SegmentRegister.UnusableBit);
        state.Gdtr = new(Gdt, 0x9F);
        state.Idtr = new(Idt, 0x107);
        state.Cr0 = Cr0.PE | Cr0.ET | Cr0.NE | (is64 ? Cr0.PG : 0);
        state.Cr3 = Tables;
        state.Cr4 = is64 ? Cr4.PAE : 0;
        state.Efer = is64 ? Efer.LME | Efer.LMA : 0;
        start.Registers.CopyTo(state.Gpr, 0);
        state.Rip = Code;
        state.Rflags = start.Rflags | Rflags.Fixed;
        state.MpState = MpState.Runnable;
        state.Events = _initial.Events;
        change?.Invoke(state);
        _vcpu.PutState(state, PutLevel.Full);
        _vcpu.Forget();
        VmExitReason reason = _vcpu.Run().Reason;
        Assert.True(reason is VmExitReason.HaltForever or VmExitReason.Shutdown, $"the guest ended with {reason}");
        _vcpu.GetState(state);
        if (reason == VmExitReason.HaltForever) state.Rip--;
        byte[] memory = new byte[Size];
        Assert.True(_memory.TryRead(new Gpa(0), memory));
        return memory;
    }

    /// <summary>What differs between where a run ended and what the manual says.</summary>
    public string Differences(StackModel expected, byte[] memory)
    {
        List<string> lines = [];
        for (int i = 0; i < 16; i++)
        {
            if (expected.Registers[i] != State.Gpr[i]) lines.Add($"register {i} is {State.Gpr[i]:x}, not {expected.Registers[i]:x}");
        }

        if (expected.Rip != State.Rip) lines.Add($"RIP is {State.Rip:x}, not {expected.Rip:x}");
        if ((expected.Rflags | Rflags.Fixed) != State.Rflags) lines.Add($"RFLAGS is {State.Rflags:x}, not {expected.Rflags:x}");
        int at = memory.AsSpan().CommonPrefixLength(expected.Memory);
        if (at < memory.Length) lines.Add($"[{at:x}] is {memory[at]:x}, not {expected.Memory[at]:x}");
        return string.Join("; ", lines);
    }

    public void Dispose()
    {
        _vcpu.Dispose();
        _accelerator.Dispose();
        _memory.Dispose();
    }
}
