using System.Buffers.Binary;
using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.System;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Descriptors;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Software;

/// <summary>
/// A vCPU with tables at fixed places, on which single instructions and single deliveries run:
/// <code>
///  01000 GDT   02000 IDT   03000 TSS   03800 second TSS (32-bit task)   05000 user stack top   06000 level-0 stack of the TSS
///  07000 present level-0 stack   08000 code   09000 handler   0B000 IST1   0C000 stack of the second task   10000 page tables
/// </code>
/// </summary>
internal sealed unsafe class SystemMachine : IDisposable
{
    // SAFETY: State belongs to the vCPU, which lives as long as this object.
    public const ulong Gdt = 0x1000;
    public const ulong Idt = 0x2000;
    public const ulong Tss = 0x3000;
    public const ulong Task2 = 0x3800;
    public const ulong UserStack = 0x5000;
    public const ulong InnerStack = 0x6000;
    public const ulong KernelStack = 0x7000;
    public const ulong Code = 0x8000;
    public const ulong Handler = 0x9000;
    public const ulong Ist1 = 0xB000;
    public const ulong Task2Stack = 0xC000;

    public const ushort Code0 = 0x08;
    public const ushort Data0 = 0x10;
    public const ushort Code3 = 0x18 | 3;
    public const ushort Data3 = 0x20 | 3;
    public const ushort Code64 = 0x28;
    public const ushort Code64User = 0x30 | 3;
    public const ushort TaskSelector = 0x38;
    public const ushort Task2Selector = 0x48;
    public const ushort Conforming0 = 0x50;
    public const ushort Code16 = 0x58;
    public const ushort AbsentData = 0x60;
    public const ushort ReadOnly3 = 0x68 | 3;
    public const ushort Data1 = 0x70 | 1;
    public const ushort ExecuteOnly0 = 0x78;
    public const ushort AbsentCode0 = 0x80;
    public const ushort Ldt = 0x88;
    public const ushort Free = 0x98;

    private const ulong PageTables = 0x10000;
    private readonly GuestMemory _memory = new();
    private readonly SoftwareAccelerator _accelerator;

    private SystemMachine(CpuModel? model = null)
    {
        bool native = model is not null && model != CpuModels.Max && model.Features.Any(CpuModels.IsNative);
        MemorySlot ram = _memory.Add("ram", new Gpa(0), 2 << 20);
        _accelerator = SoftwareAccelerator.Create(new SoftwareOptions { Engine = native ? SoftwareEngine.Translator : SoftwareEngine.Interpreter });
        _accelerator.SetMemorySlot(ram);
        Vcpu = (SoftwareVcpu)_accelerator.CreateVcpu(0);
        Vcpu.SetCpuid((model ?? CpuModels.X8664V2).Build(new CpuidEnvironment { Native = Vcpu.SupportedCpuid }, 0));
        Cpu = Vcpu.State;
        SetGdt(Code0, 0x00CF_9B00_0000_FFFF);
        SetGdt(Data0, 0x00CF_9300_0000_FFFF);
        SetGdt(Code3, 0x00CF_FB00_0000_FFFF);
        SetGdt(Data3, 0x00CF_F300_0000_FFFF);
        SetGdt(Code64, 0x00AF_9B00_0000_FFFF);
        SetGdt(Code64User, 0x00AF_FB00_0000_FFFF);
        SetGdt(TaskSelector, 0x0000_8B00_0000_0067 | (Tss << 16));
        SetGdt(Task2Selector, 0x0000_8900_0000_0067 | (Task2 << 16));
        SetGdt(Conforming0, 0x00CF_9F00_0000_FFFF);
        SetGdt(Code16, 0x0000_9B00_0000_FFFF);
        SetGdt(AbsentData, 0x00CF_1300_0000_FFFF);
        SetGdt(ReadOnly3, 0x00CF_F100_0000_FFFF);
        SetGdt(Data1, 0x00CF_B300_0000_FFFF);
        SetGdt(ExecuteOnly0, 0x00CF_9900_0000_FFFF);
        SetGdt(AbsentCode0, 0x00CF_1B00_0000_FFFF);
        SetGdt(Ldt, 0x0000_8200_0000_0FFF | (0x4000UL << 16));
        Write(Tss + 4, (uint)InnerStack);
        Write(Tss + 8, (ushort)Data0);
        Cpu->GdtBase = Gdt;
        Cpu->GdtLimit = 0x9F;
        Cpu->IdtBase = Idt;
        Cpu->IdtLimit = 0xFFF;
    }

    public SoftwareVcpu Vcpu { get; }

    private int Bits => (Cpu->Mode & ExecutionMode.Code64) != 0 ? 64 : (Cpu->Mode & ExecutionMode.Code32) != 0 ? 32 : 16;

    public CpuState* Cpu { get; }

    public ulong Rflags
    {
        get => Flags.GetRflags(Cpu);
        set
        {
            Flags.SetRflags(Cpu, value);
            ModeChange.Apply(Cpu);
        }
    }

    public ulong Rsp
    {
        get => Cpu->Gpr[Gpr.Rsp];
        set => Cpu->Gpr[Gpr.Rsp] = value;
    }

    public static SystemMachine Real(CpuModel? model = null)
    {
        SystemMachine machine = new(model);
        machine.Cpu->IdtBase = 0;
        machine.Cpu->IdtLimit = 0x3FF;
        for (int i = Seg.Es; i <= Seg.Gs; i++) SegmentLoad.StoreParagraph(machine.Cpu, i, 0, virtual8086: false);
        return machine.Start(KernelStack);
    }

    /// <summary>Protected mode without paging.</summary>
    public static SystemMachine Protected(int cpl = 0, CpuModel? model = null)
    {
        SystemMachine machine = new(model);
        machine.Cpu->Cr0 |= Cr0.PE;
        machine.LoadFlat(cpl, cpl == 0 ? Code0 : Code3);
        machine.LoadTask();
        return machine.Start(cpl == 0 ? KernelStack : UserStack);
    }

    public static SystemMachine Virtual8086(int iopl = 3, CpuModel? model = null)
    {
        SystemMachine machine = Protected(3, model);
        Flags.SetRflags(machine.Cpu, Vitrine.X86.Registers.Rflags.VM | ((ulong)iopl << 12));
        for (int i = Seg.Es; i <= Seg.Gs; i++) SegmentLoad.StoreParagraph(machine.Cpu, i, (ushort)(0x100 + i), virtual8086: true);
        SegmentLoad.StoreParagraph(machine.Cpu, Seg.Cs, 0x0700, virtual8086: true);
        machine.Rsp = 0x800;
        machine.Cpu->Rip = 0x1000;
        ModeChange.Apply(machine.Cpu);
        return machine;
    }

    /// <summary>64-bit mode, the first GiB mapped one to one for everybody.</summary>
    public static SystemMachine Long(int cpl = 0, CpuModel? model = null)
    {
        SystemMachine machine = new(model);
        machine.Write(PageTables, PageTables + 0x1007);
        machine.Write(PageTables + 0x1000, PageTables + 0x2007);
        machine.Write(PageTables + 0x2000, 0x87UL);
        machine.Cpu->Cr3 = PageTables;
        machine.Cpu->Cr4 = Cr4.PAE;
        machine.Cpu->Efer = Efer.LME | Efer.LMA | Efer.SCE;
        machine.Cpu->Cr0 |= Cr0.PE | Cr0.PG;
        machine.LoadFlat(cpl, cpl == 0 ? Code64 : Code64User);
        machine.LoadTask();
        machine.Write(Tss + 4, InnerStack);
        machine.Write(Tss + 0x24, Ist1);
        machine.Vcpu.Mmu.FlushAll();
        return machine.Start(cpl == 0 ? KernelStack : UserStack);
    }

    public void SetGdt(ushort selector, ulong raw) => Write(Gdt + (selector & 0xFFF8u), raw);

    public void SetGate(int vector, GateDescriptor gate)
    {
        if ((Cpu->Mode & ExecutionMode.LongMode) == 0)
        {
            Write(Idt + ((ulong)vector * 8), gate.Low);
            return;
        }

        Write(Idt + ((ulong)vector * 16), gate.Low);
        Write(Idt + ((ulong)vector * 16) + 8, gate.High);
    }

    /// <summary>An interrupt gate to the handler in the level-0 code segment of the mode.</summary>
    public void SetHandler(int vector, byte dpl = 0, byte type = DescriptorType.InterruptGate, byte ist = 0) =>
        SetGate(vector, GateDescriptor.Create(type, (Cpu->Mode & ExecutionMode.LongMode) != 0 ? Code64 : Code0, Handler, dpl, ist));

    public void Write<T>(ulong address, T value)
        where T : unmanaged
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, ulong.CreateTruncating(Convert.ToUInt64(value, null)));
        Assert.True(_memory.TryWrite(new Gpa(address), bytes[..sizeof(T)]));
    }

    public ulong Read(ulong address, int size)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        Assert.True(_memory.TryRead(new Gpa(address), bytes[..size]));
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>The values on a stack, top first.</summary>
    public ulong[] Stack(ulong address, int size, int count)
    {
        ulong[] values = new ulong[count];
        for (int i = 0; i < count; i++) values[i] = Read(address + (ulong)(i * size), size);
        return values;
    }

    public SystemMachine Push(int size, params ulong[] topFirst)
    {
        Rsp -= (ulong)(size * topFirst.Length);
        for (int i = 0; i < topFirst.Length; i++)
        {
            ulong linear = Cpu->Segments[Seg.Ss].Base + Rsp + (ulong)(i * size);
            if (size == 2) Write(linear, (ushort)topFirst[i]);
            else if (size == 4) Write(linear, (uint)topFirst[i]);
            else Write(linear, topFirst[i]);
        }

        return this;
    }

    /// <summary>Assembles one instruction for the present code size and executes it.</summary>
    /// <returns>"ok", "#13(0)" for a fault, or the leave reason.</returns>
    public RunResult Execute(Action<Assembler> emit)
    {
        Assembler assembler = new(Bits);
        emit(assembler);
        MemoryStream code = new();
        assembler.Assemble(new StreamCodeWriter(code), Cpu->Rip);
        return Execute(code.ToArray());
    }

    /// <summary>Executes the one instruction in <paramref name="code"/>.</summary>
    public RunResult Execute(params byte[] code)
    {
        Assert.True(_memory.TryWrite(new Gpa(Cpu->Segments[Seg.Cs].Base + Cpu->Rip), code));

        // Memory was written behind the vCPU's back: what it decoded there is stale.
        Vcpu.Forget();
        ulong rip = Cpu->Rip;
        Op* op = Vcpu.Code.Find(rip);
        Assert.True(op != null, $"no instruction at {rip:x}");
        Cpu->BlockRip = rip;
        Op* next = op->Handler(Cpu, op);
        if (next == null) return Outcome();
        Cpu->Rip = Faults.NextRip(Cpu, op);
        return Located(RunResult.Ok);
    }

    public RunResult Outcome() => Located(Cpu->Leave switch
    {
        LeaveReason.NextBlock => RunResult.Ok,
        LeaveReason.Fault => RunResult.Fault(Cpu->FaultVector, Cpu->FaultHasErrorCode ? Cpu->FaultErrorCode : null),
        LeaveReason other => other.ToString(),
    });

    public RunResult Deliver(byte vector, EventKind kind, uint? errorCode = null) =>
        InterruptDelivery.Deliver(Cpu, vector, kind, errorCode.HasValue, errorCode.GetValueOrDefault()) ? Located(RunResult.Ok) : Outcome();

    public ushort Selector(int segment) => (ushort)Cpu->Segments[segment].Selector;

    public void Dispose()
    {
        Vcpu.Dispose();
        _accelerator.Dispose();
        _memory.Dispose();
    }

    // The machine maps one to one.
    private RunResult Located(RunResult end)
    {
        const int Longest = 15 * 3;
        byte[] code = new byte[Longest];
        bool isThere = _memory.TryRead(new Gpa(Cpu->Segments[Seg.Cs].Base + Cpu->Rip), code);
        return end.At(Cpu->Rip, Cpu->Cr2, new ReadOnlySpan<ulong>(Cpu->Gpr, Gpr.Count), isThere ? code : [], Bits);
    }

    private void LoadFlat(int cpl, ushort code)
    {
        Cpu->Cpl = (uint)cpl;
        ModeChange.Apply(Cpu);
        ushort data = cpl == 0 ? Data0 : Data3;
        Load(Seg.Cs, code);
        foreach (int number in (ReadOnlySpan<int>)[Seg.Ss, Seg.Ds, Seg.Es, Seg.Fs, Seg.Gs]) Load(number, data);
    }

    private void Load(int number, ushort selector) =>
        SegmentLoad.Store(Cpu, number, selector, new SegmentDescriptor(Read(Gdt + (selector & 0xFFF8u), 8)));

    private void LoadTask()
    {
        Load(Seg.Tr, TaskSelector);
        SegmentLoad.StoreNull(Cpu, Seg.Ldtr, 0, 0);
    }

    private SystemMachine Start(ulong stack)
    {
        Rsp = stack;
        Cpu->Rip = Code;
        ModeChange.Apply(Cpu);
        return this;
    }
}
