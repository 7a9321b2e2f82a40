using System.Buffers.Binary;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Memory;
using Vitrine.Run;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Robustness;

/// <summary>
/// A software vCPU over memory in which every slot is fenced by pages that belong to no slot; a stray write of ours lands there:
/// <code>
///  guest-physical  000000  RAM, 640 KiB       A0000  nothing     C0000  ROM, 128 KiB     100000  RAM, 2 MiB + 4 KiB
///                  100000000  RAM, 64 KiB     everywhere else nothing; the local APIC at FEE00000
/// </code>
/// </summary>
internal sealed unsafe class FuzzMachine : IDisposable
{
    // SAFETY: State belongs to the vCPU, which lives as long as this object.
    public const ulong HighRam = 1UL << 32;

    private const ulong Fence = 0x1000;
    private const byte FenceByte = 0xA5;
    private const ulong BackingStart = 1UL << 40;
    private static readonly (ulong Start, ulong Size, bool ReadOnly)[] _layout =
        [(0, 0xA0000, false), (0xC0000, 0x20000, true), (0x100000, 0x201000, false), (HighRam, 0x10000, false)];

    private readonly GuestMemory _memory = new();
    private readonly GuestMemory _host = new();
    private readonly SoftwareAccelerator _accelerator;
    private readonly List<Gpa> _fences = [];
    private readonly (nint, nint, nint, nint) _handles;
    private readonly byte[] _page = new byte[Fence];

    public FuzzMachine(SoftwareEngine engine)
    {
        _accelerator = SoftwareAccelerator.Create(new SoftwareOptions { Engine = engine });
        ulong size = Fence + (ulong)_layout.Sum(slot => (long)(slot.Size + Fence));
        MemorySlot backing = _host.Add("backing", new Gpa(BackingStart), size);
        ulong offset = 0;
        foreach ((ulong start, ulong length, bool readOnly) in _layout)
        {
            AddFence(offset);
            MemorySlot slot = _memory.AddAlias(
                $"{start:x}", new Gpa(start), length, backing, offset + Fence, readOnly ? MemorySlotFlags.ReadOnly : MemorySlotFlags.LogDirtyPages);
            _accelerator.SetMemorySlot(slot);
            offset += Fence + length;
        }

        AddFence(offset);
        _accelerator.ConnectExternalInterrupts(new SpuriousInterrupts());
        Vcpu = (SoftwareVcpu)_accelerator.CreateVcpu(0);
        CpuidEnvironment environment = new() { TscKilohertz = 1_000_000, ApicTimerKilohertz = 1_000_000, Native = Vcpu.SupportedCpuid };
        CpuidEntry[] cpuid = CpuModels.Max.Build(environment, 0);
        Vcpu.SetCpuid([.. cpuid.Select(WithEveryFeature)]);
        _handles = Handles;
    }

    public SoftwareVcpu Vcpu { get; }

    /// <summary>Instructions encoded with VEX are announced.</summary>
    public bool HasAvx => CpuFeatures.Avx.IsIn(Vcpu.SupportedCpuid);

    public GuestMemory Memory => _memory;

    private (nint Mmu, nint Processor, nint CodeFinder, nint HostExecutor) Handles =>
        (Vcpu.State->MmuHandle, Vcpu.State->ProcessorHandle, Vcpu.State->CodeFinderHandle, Vcpu.State->HostExecutorHandle);

    public void Write(ulong address, ReadOnlySpan<byte> bytes) => Assert.True(_memory.TryWrite(new Gpa(address), bytes));

    public void Write(ulong address, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Write(address, bytes);
    }

    public Span<byte> Ram(ulong address, int length)
    {
        Assert.True(_memory.TryRent(new Gpa(address), length, MemoryIntent.ReadWrite, out MemoryRental rental));
        using (rental) return rental.Writable;
    }

    /// <summary>What must hold whatever the guest did: no byte outside its memory has changed, and our own state is in its ranges.</summary>
    public void Check()
    {
        foreach (Gpa fence in _fences)
        {
            Assert.True(_host.TryRead(fence, _page));
            Assert.True(_page.AsSpan().IndexOfAnyExcept(FenceByte) < 0, "a byte outside the guest's memory has changed");
        }

        CpuState* cpu = Vcpu.State;
        Assert.Equal(_handles, Handles);
        Assert.Equal(0UL, cpu->Zero);
        Assert.InRange(cpu->Cpl, 0u, 3u);
        Assert.InRange(cpu->FpuTop, 0, 7);
        Assert.InRange(cpu->TlbTag, 1UL, 4095UL);
        Assert.InRange(cpu->Replay.Count, 0, ReplayLog.Capacity);
        Assert.Equal(0, cpu->Fsw & 0x3800);
    }

    /// <summary>Where a vCPU is that doesn't come back, roughly.</summary>
    public string Position()
    {
        CpuState* cpu = Vcpu.State;
        byte[] code = new byte[24];
        return $"{cpu->Mode}, CS base {cpu->Segments[Seg.Cs].Base:x}, RIP {cpu->Rip:x}, block {cpu->BlockRip:x}, {cpu->Instructions} instructions, " +
            $"poll at {cpu->PollAt}, left by {cpu->Leave}, RCX {cpu->Gpr[Gpr.Rcx]:x}, flags {cpu->SystemFlags:x}, pending {cpu->PendingDebug:x}, shadow {cpu->InterruptShadow}, " +
            $"code {(_memory.TryRead(new Gpa(cpu->Segments[Seg.Cs].Base + cpu->BlockRip), code) ? Convert.ToHexString(code) : "elsewhere")}, " +
            $"RSP {cpu->Gpr[Gpr.Rsp]:x} {cpu->Segments[Seg.Ss]} RBP {cpu->Gpr[Gpr.Rbp]:x} CR2 {cpu->Cr2:x} fault {cpu->FaultVector} {cpu->FaultErrorCode:x}";
    }

    /// <summary>The whole state as a user is shown it.</summary>
    public string Report()
    {
        ProcessorState state = new();
        Vcpu.GetState(state);
        return FailureReport.Write("The guest ended.", new Vcpu(Vcpu, state), _memory, []);
    }

    public void Dispose()
    {
        Vcpu.Dispose();
        _accelerator.Dispose();
        _host.Dispose();
    }

    // What no model announces yet can still be reached by a guest once one does.
    private static CpuidEntry WithEveryFeature(CpuidEntry entry) => entry.Function switch
    {
        // PCID, x2APIC, TSC deadline, XSAVE; then FSGSBASE, TSC_ADJUST, SMEP, INVPCID, SMAP, UMIP.
        1 => entry with { Ecx = entry.Ecx | 0x0522_0000 },
        7 => entry with { Ebx = entry.Ebx | 0x0010_0483, Ecx = entry.Ecx | 4 },
        _ => entry,
    };

    private void AddFence(ulong offset)
    {
        Gpa fence = new(BackingStart + offset);
        _page.AsSpan().Fill(FenceByte);
        Assert.True(_host.TryWrite(fence, _page));
        _fences.Add(fence);
    }

    private sealed class SpuriousInterrupts : IExternalInterruptSource
    {
        public byte Acknowledge() => 0x0F;
    }
}
