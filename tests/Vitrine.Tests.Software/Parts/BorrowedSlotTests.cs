using Vitrine.Accelerators;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.Tests.Software.Mmu;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Software.Parts;

/// <summary>Slots over memory that the client has, which it cuts and moves as QEMU does for the memory below 1 MiB.</summary>
public sealed class BorrowedSlotTests
{
    private const ulong Size = 0x10_0000;
    private const ulong Start = 0x1000;

    // INC AX; OUT 80h, AL; HLT
    private static readonly byte[] s_code = [0x40, 0xE6, 0x80, 0xF4];

    public static TheoryData<MmuMode, SoftwareEngine> Cpus => MmuModes.WithEngines;

    [Theory]
    [MemberData(nameof(Cpus))]
    public void CodeOutlastsACutOfItsSlot(MmuMode mmu, SoftwareEngine engine)
    {
        Engines.SkipUnlessPresent(engine);
        using HostMapping memory = new(Size);
        using SoftwareAccelerator accelerator = SoftwareAccelerator.Create(new SoftwareOptions { Mmu = mmu, Engine = engine, ForeignWrites = true });
        MemorySlot whole = Borrow(0, 0, memory, 0, Size);
        accelerator.OnSlotsChanged([], [whole]);
        s_code.CopyTo(Bytes(memory, Start));
        using SoftwareVcpu vcpu = (SoftwareVcpu)accelerator.CreateVcpu(0);
        Run(vcpu, 0, 1);
        ulong decoded = vcpu.Statistics.DecodedBlocks;

        // A read-only slot comes to lie in the middle; the rest is two.
        MemorySlot low = Borrow(0, 0, memory, 0, 0x8000);
        MemorySlot middle = Borrow(1, 0x8000, memory, 0x8000, 0x8000, MemorySlotFlags.ReadOnly);
        MemorySlot high = Borrow(2, 0x1_0000, memory, 0x1_0000, Size - 0x1_0000);
        accelerator.OnSlotsChanged([whole], [low, middle, high]);
        Run(vcpu, 10, 11);
        Assert.Equal(decoded, vcpu.Statistics.DecodedBlocks);

        // The same memory elsewhere, and other memory in its place.
        using HostMapping other = new(Size);
        new byte[] { 0x48, 0xE6, 0x80, 0xF4 }.CopyTo(Bytes(other, Start));
        accelerator.OnSlotsChanged([low], [Borrow(0, 0, other, 0, 0x8000)]);
        Run(vcpu, 10, 9);
    }

    private static unsafe Span<byte> Bytes(HostMapping memory, ulong offset) => new(memory.Pointer + offset, 16);

    private static unsafe MemorySlot Borrow(int id, ulong start, HostMapping memory, ulong offset, ulong size, MemorySlotFlags flags = MemorySlotFlags.None) =>
        MemorySlot.Borrow(id, "client", new Gpa(start), HostMapping.Borrow((nint)(memory.Pointer + offset), size), flags);

    private static void Run(SoftwareVcpu vcpu, ulong rax, byte expected)
    {
        ProcessorState state = ResetState.Create(0, 0);
        vcpu.Parts.Get(state, StateParts.General | StateParts.Special);
        state.Segments[Seg.Cs] = new SegmentRegister(0, 0, 0xFFFF, 0x9B);
        (state.Rip, state.Gpr[Gpr.Rax]) = (Start, rax);
        vcpu.Parts.Put(state, StateParts.General | StateParts.Special);
        ref VmExit exit = ref vcpu.Run();
        Assert.Equal((VmExitReason.PortIo, expected), (exit.Reason, exit.Data[0]));
    }
}
