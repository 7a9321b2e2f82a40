using System.Buffers.Binary;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using H = Vitrine.Tests.Software.Mmu.Stress.StressHarness;
using L = Vitrine.Tests.Software.Mmu.Stress.StressLayout;

namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>The vCPU that executes steps, one machine after another.</summary>
internal sealed class StressMachine : IDisposable
{
    private const ulong TableFlags = 0x67;
    private const ulong LeafFlags = 0x63;
    private const ulong User = 4;
    private static readonly StressHarness _harness32 = new(32);
    private static readonly StressHarness _harness64 = new(64);

    private readonly GuestMemory _memory = new();
    private readonly SoftwareAccelerator _accelerator;
    private readonly IVirtualCpu _vcpu;
    private readonly MemorySlot _ram;
    private readonly MemorySlot _rom;
    private readonly ProcessorState _start = new();
    private StressHarness _harness = _harness64;

    public StressMachine(MmuMode mode, SoftwareEngine engine)
    {
        _ram = _memory.Add("ram", new Gpa(0), L.RamSize);
        _rom = _memory.Add("rom", new Gpa(L.Rom), L.RomSize, MemorySlotFlags.ReadOnly);
        _accelerator = MmuModes.Create(mode, engine);
        _accelerator.CodeArenaBytes = 1 << 20;
        _accelerator.SetMemorySlot(_ram);
        _accelerator.SetMemorySlot(_rom);
        _vcpu = _accelerator.CreateVcpu(0);
        _vcpu.SetCpuid(CpuModels.Max.Build(new CpuidEnvironment { Native = [] }, 0));
        _vcpu.GetState(_start);
        BuildHarnessTables();
        Fill();
    }

    /// <summary>The pool as it is.</summary>
    public ReadOnlySpan<byte> Pool => Span(L.Pool, L.PoolPages << 12);

    /// <summary>The whole memory, ROM included.</summary>
    public GuestMemory Memory => _memory;

    /// <summary>Makes a machine new, up to its first step.</summary>
    public void Begin(StressCase test)
    {
        bool is64 = test.Paging == PagingMode.FourLevel;
        _harness = is64 ? _harness64 : _harness32;

        // Slots that come and go drop whatever an MMU has made from the memory before.
        _accelerator.RemoveMemorySlot(_ram);
        test.Pool.CopyTo(Span(L.Pool, test.Pool.Length));
        _harness.Code.CopyTo(Span(L.Code, _harness.Code.Length));
        _harness.UserCode.CopyTo(Span(L.UserCode, _harness.UserCode.Length));
        BuildDescriptors(is64);
        _accelerator.SetMemorySlot(_ram);
        BuildState(test, is64);
        _vcpu.PutState(_start, PutLevel.Full);
        StressResult result = new();
        RunUntilReady(result);
        Assert.Null(result.End);
    }

    /// <summary>Executes one step.</summary>
    public StressResult Execute(in StressStep step)
    {
        bool twoWords = step.Operation == StressOperation.CompareExchange;
        Store(step.User ? H.UserTarget : H.Target, _harness.Routine(step));
        Store(H.EntryPoint, step.User ? _harness.UserEntry : _harness.KernelEntry);
        Store(H.FlagsWord, Rflags.Fixed | (step.Ac ? Rflags.AC : 0));
        Store(H.Rax, twoWords ? (uint)step.Value : step.Operation == StressOperation.InvalidateContext ? (ulong)step.Size : step.Value);
        Store(H.Rdx, twoWords || step.Operation == StressOperation.LoadEferAndFlush ? step.Value >> 32 : 0);
        Store(H.Rcx, twoWords ? step.Other >> 32 : (ulong)step.Count);
        Store(H.Rbx, (uint)step.Other);
        Store(H.Rdi, step.Linear);
        Store(H.Xmm, step.Value);
        Store(H.Xmm + 8, step.Other);
        Store(H.Vector, StressResult.NoFault);
        Store(H.Error, 0);
        Store(H.Cr2, 0);
        Store(H.Rip, 0);
        Store(H.Descriptor, step.Value);
        Store(H.Descriptor + 8, step.Linear);
        Store(H.Source, step.Value);
        Store(H.Source + (step.Operation == StressOperation.RepeatMove ? step.Size : 8), step.Other);
        StressResult result = new();
        RunUntilReady(result);
        result.Vector = (uint)Load(H.Vector);
        result.ErrorCode = (uint)Load(H.Error);
        result.Cr2 = Load(H.Cr2);
        result.Rip = Load(H.Rip);
        result.Rax = Load(H.Rax);
        result.Rdx = Load(H.Rdx);
        result.Rcx = Load(H.Rcx);
        result.Xmm = new UInt128(Load(H.Xmm + 8), Load(H.Xmm));
        return result;
    }

    public void Dispose()
    {
        _vcpu.Dispose();
        _accelerator.Dispose();
        _memory.Dispose();
    }

    private void RunUntilReady(StressResult result)
    {
        for (int exits = 0; exits < 1000; exits++)
        {
            ref VmExit exit = ref _vcpu.Run();
            if (exit.Reason == VmExitReason.PortIo && exit.Port == H.ReadyPort) return;
            if (exit.Reason != VmExitReason.Mmio)
            {
                ProcessorState state = new();
                _vcpu.GetState(state);
                result.End = $"{exit.Reason} at {state.Rip:x} with CR2 {state.Cr2:x}";
                return;
            }

            for (int i = 0; i < exit.Size; i++)
            {
                ulong gpa = exit.Address + (ulong)i;
                if (!exit.IsWrite) exit.Data[i] = L.DeviceByte(gpa);
                result.Bus.Add(new BusByte(gpa, exit.IsWrite, exit.Data[i]));
            }
        }

        result.End = "a thousand exits for one step";
    }

    private Span<byte> Span(ulong gpa, int length)
    {
        Assert.True(_memory.TryRent(new Gpa(gpa), length, MemoryIntent.ReadWrite, out MemoryRental rental));
        using (rental) return rental.Writable;
    }

    private ulong Load(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(Span(L.Mailbox + (ulong)offset, 8));

    private void Store(int offset, ulong value) => Put(L.Mailbox + (ulong)offset, value);

    private void Put(ulong gpa, ulong value, int size = 8)
    {
        if (size == 4) BinaryPrimitives.WriteUInt32LittleEndian(Span(gpa, 4), (uint)value);
        else BinaryPrimitives.WriteUInt64LittleEndian(Span(gpa, 8), value);
    }

    // ROM: a page that makes a table, and one of data.
    private void Fill()
    {
        for (ulong offset = 0; offset < L.RomSize; offset += 8) Put(L.Rom + offset, StressGenerator.Pattern(L.PoolPages + (int)(offset >> 12), (int)(offset & 0xFFF)));
        for (ulong i = 0; i < 4; i++) Put(L.Rom + (i * 8), L.PoolPage(L.FirstData + (int)i) | LeafFlags | User);
    }

    private void BuildHarnessTables()
    {
        const ulong Pdpt = L.Tables;
        const ulong Directory = L.Tables + 0x1000;
        const ulong Table = L.Tables + 0x2000;
        const ulong Table32 = L.Tables + 0x3000;
        Put(Pdpt, Directory | TableFlags);
        Put(Directory, Table | TableFlags);
        for (ulong page = 0x1000; page < L.HarnessEnd; page += 0x1000) Map(page, page | LeafFlags | (page == L.UserCode ? User : 0));
        for (ulong page = 0; page < L.PoolPages << 12; page += 0x1000) Map(L.Window + page, (L.Pool + page) | LeafFlags);

        void Map(ulong linear, ulong entry)
        {
            Put(Table + (linear >> 9), entry);
            Put(Table32 + (linear >> 10), entry, 4);
        }
    }

    private void BuildDescriptors(bool is64)
    {
        const ulong InterruptGate = 0x8EUL << 40;
        const ulong UserInterruptGate = 0xEEUL << 40;
        ReadOnlySpan<ulong> descriptors =
        [
            0, 0x00CF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF, 0x00CF_FB00_0000_FFFF, 0x00CF_F300_0000_FFFF,
            0x00AF_9B00_0000_FFFF, 0x00AF_FB00_0000_FFFF, 0x0000_8B00_0000_0067 | (L.Tss << 16), 0,
        ];
        for (int i = 0; i < descriptors.Length; i++) Put(L.Gdt + (ulong)(i * 8), descriptors[i]);
        Span(L.Idt, 0x1000).Clear();
        Gate(13, _harness.GeneralProtection, InterruptGate);
        Gate(14, _harness.PageFault, InterruptGate);
        Gate(H.UserEndVector, _harness.UserEnd, UserInterruptGate);
        Put(L.Tss + 4, L.StackTop, is64 ? 8 : 4);
        if (!is64) Put(L.Tss + 8, 0x10, 4);

        void Gate(ulong vector, ulong handler, ulong kind) =>
            Put(L.Idt + (vector * (is64 ? 16u : 8u)), handler | ((is64 ? 0x28UL : 0x08) << 16) | kind);
    }

    private void BuildState(StressCase test, bool is64)
    {
        _start.Segments[Seg.Cs] = is64 ? new(0x28, 0, uint.MaxValue, 0xA09B) : new(0x08, 0, uint.MaxValue, 0xC09B);

        // Those that a change to level 3 would make null are of level 3 from the start.
        foreach (int i in (ReadOnlySpan<int>)[Seg.Es, Seg.Ds, Seg.Fs, Seg.Gs]) _start.Segments[i] = new(0x23, 0, uint.MaxValue, 0xC0F3);
        _start.Segments[Seg.Ss] = new(0x10, 0, uint.MaxValue, 0xC093);
        _start.Segments[Seg.Tr] = new(0x38, L.Tss, 0x67, 0x008B);
        _start.Segments[Seg.Ldtr] = new(0, 0, 0, SegmentRegister.UnusableBit);
        _start.Gdtr = new(L.Gdt, 0x47);
        _start.Idtr = new(L.Idt, 0xFFF);
        _start.Cr0 = test.Cr0;
        _start.Cr2 = 0;
        _start.Cr3 = test.Cr3;
        _start.Cr4 = test.Cr4;
        _start.Efer = test.Efer;
        _start.Pkru = test.Pkru;
        _start.Msrs[Msr.IA32_PKRS] = test.Pkrs;
        _start.Rflags = Rflags.Fixed;
        _start.Rip = _harness.Ready;
        _start.Gpr[Gpr.Rsp] = L.StackTop;
        _start.MpState = MpState.Runnable;
        for (int i = 0; i < 4; i++)
        {
            _start.Pdptes[i] = test.Paging == PagingMode.Pae
                ? BinaryPrimitives.ReadUInt64LittleEndian(Span(test.Cr3 + (ulong)(i * 8), 8))
                : 0;
        }
    }
}
