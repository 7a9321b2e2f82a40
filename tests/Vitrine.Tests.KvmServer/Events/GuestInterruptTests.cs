using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Events;
using Vitrine.KvmServer.Irqchip;
using Vitrine.Memory;
using Vitrine.Timing;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using static Vitrine.Kvm.Abi.KvmConstants;

namespace Vitrine.Tests.KvmServer.Events;

/// <summary>
/// The whole way of an interrupt: a client's eventfd, the controllers, the local APIC, a real-mode guest's handler, its end, and the client
/// again.
/// </summary>
public sealed class GuestInterruptTests : IDisposable
{
    private const ulong Code = 0x1000, Handler = 0x2000;
    private const ushort Report = 0x80;
    private const uint Ioapic = 0xFEC0_0000, ApicSpurious = 0xFEE0_00F0, ApicEoi = 0xFEE0_00B0;
    private const byte Ready = 1;

    private readonly GuestMemory _memory = new();
    private readonly SoftwareAccelerator _accelerator = SoftwareAccelerator.Create();
    private readonly VmInterrupts _interrupts = new(MachineClock.StartNew(), static error => throw error);
    private readonly IVirtualCpu _vcpu;
    private readonly List<byte> _endsForClient = [];

    public GuestInterruptTests()
    {
        _interrupts.Connect(_accelerator);
        _accelerator.SetMemorySlot(_memory.Add("ram", new Gpa(0), 1 << 20));
        _vcpu = _accelerator.CreateVcpu(0);
        _vcpu.SetCpuid(CpuModels.Max.Build(
            new CpuidEnvironment { TscKilohertz = 1_000_000, ApicTimerKilohertz = 1_000_000, Native = _vcpu.SupportedCpuid }, 0));
    }

    public void Dispose()
    {
        _interrupts.Dispose();
        _vcpu.Dispose();
        _accelerator.Dispose();
        _memory.Dispose();
    }

    [Fact]
    public void AnIrqfdThroughThe8259()
    {
        using ClientEvent one = new();
        Assert.Equal(0, _interrupts.CreateIrqchip(hasVcpus: false));
        _interrupts.Connect(_vcpu);
        Assert.Equal(0, _interrupts.ChangeIrqfd(new kvm_irqfd { fd = (uint)one.Number, gsi = 5 }));
        Load(
            0x25,
            static a =>
            {
                foreach ((sbyte port, sbyte value) in ((sbyte, sbyte)[])[(0x20, 0x11), (0x21, 0x20), (0x21, 4), (0x21, 1)])
                {
                    a.mov(al, value);
                    a.@out(port, al);
                }
            },
            static a =>
            {
                a.mov(al, 0x20);
                a.@out(0x20, al);
            });
        Assert.Equal(Ready, Next());
        for (int i = 0; i < 3; i++)
        {
            one.Add();
            Assert.Equal(0x25, Next());
        }

        Assert.Equal(0UL, one.Take());
    }

    [Fact]
    public void AResampledIrqfdThroughTheIoapic()
    {
        using ClientEvent one = new(), ended = new();
        Assert.Equal(0, _interrupts.CreateIrqchip(hasVcpus: false));
        _interrupts.Connect(_vcpu);
        Assert.Equal(0, _interrupts.ChangeIrqfd(
            new kvm_irqfd { fd = (uint)one.Number, gsi = 20, flags = KVM_IRQFD_FLAG_RESAMPLE, resamplefd = (uint)ended.Number }));
        Load(
            0x41,
            static a =>
            {
                // Pin 20: level-triggered, vector 0x41, to APIC id 0.
                a.mov(ebx, ApicSpurious);
                a.mov(__dword_ptr[ebx], 0x1FF);
                a.mov(ebx, Ioapic);
                a.mov(__dword_ptr[ebx], 0x10 + 2 * 20);
                a.mov(__dword_ptr[ebx + 0x10], 0x8041);
            },
            EndAtApic);
        Assert.Equal(Ready, Next());
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(0UL, ended.Take());
            one.Add();
            Assert.Equal(0x41, Next());

            // The end leaves at the next look at events.
            RunUntil(() => ended.Take() == 1);
        }

        Assert.Empty(_endsForClient);
    }

    /// <summary>With a split irqchip the client sends messages, and hears the ends of the level-triggered.</summary>
    [Fact]
    public void ALineOfTheClientsIoapic()
    {
        kvm_irq_routing_entry route = new() { gsi = 4, type = KVM_IRQ_ROUTING_MSI };
        route.u.msi = new kvm_irq_routing_msi { address_lo = 0xFEE0_0000, data = 0x8041 };
        Assert.Equal(0, _interrupts.EnableSplitIrqchip(hasVcpus: false, 24));
        Assert.Equal(0, _interrupts.SetRouting([route]));
        Load(
            0x41,
            static a =>
            {
                a.mov(ebx, ApicSpurious);
                a.mov(__dword_ptr[ebx], 0x1FF);
            },
            EndAtApic);
        Assert.Equal(Ready, Next());
        Assert.Equal(0, _interrupts.SetLine(new kvm_irq_level { irq = 4, level = 1 }, out int status));
        Assert.Equal(1, status);
        Assert.Equal(0x41, Next());
        RunUntil(() => _endsForClient.Count > 0);
        Assert.Equal([0x41], _endsForClient);
        Assert.Equal(IrqchipMode.Split, _interrupts.Mode);
    }

    private static void EndAtApic(Assembler a)
    {
        a.mov(ebx, ApicEoi);
        a.mov(__dword_ptr[ebx], 0);
    }

    // Prepares, reports that it is ready, and waits for interrupts. The handler ends the interrupt and reports its vector.
    private void Load(byte vector, Action<Assembler> prepare, Action<Assembler> end)
    {
        Place(Handler, a =>
        {
            end(a);
            a.mov(al, (sbyte)vector);
            a.@out(unchecked((sbyte)Report), al);
            a.iret();
        });
        Assert.True(_memory.TryWrite(new Gpa(vector * 4u), BitConverter.GetBytes((uint)Handler)));
        Place(Code, a =>
        {
            Label wait = a.CreateLabel();
            prepare(a);
            a.mov(al, Ready);
            a.@out(unchecked((sbyte)Report), al);
            a.sti();
            a.Label(ref wait);
            a.hlt();
            a.jmp(wait);
        });
        ProcessorState state = new();
        _vcpu.GetState(state);
        for (int i = Seg.Es; i <= Seg.Gs; i++) state.Segments[i] = new SegmentRegister(0, 0, 0xFFFF, i == Seg.Cs ? 0x9Bu : 0x93u);
        state.Segments[Seg.Ds] = new SegmentRegister(0, 0, 0xFFFF_FFFF, 0x8093);
        (state.Rip, state.Rflags, state.Gpr[Gpr.Rsp]) = (Code, 2, Code);
        _vcpu.PutState(state, PutLevel.Full);
    }

    private void Place(ulong address, Action<Assembler> code)
    {
        Assembler assembler = new(16);
        code(assembler);
        using MemoryStream stream = new();
        assembler.Assemble(new StreamCodeWriter(stream), address);
        Assert.True(_memory.TryWrite(new Gpa(address), stream.ToArray()));
    }

    // Runs until the guest reports.
    private byte Next()
    {
        byte? reported = null;
        Run(() => reported is not null, (ref VmExit exit) =>
        {
            if (exit.Reason == VmExitReason.PortIo && exit.Port == Report) reported = exit.Data[0];
            return reported is not null;
        });
        return reported!.Value;
    }

    // Runs until something else has come about.
    private void RunUntil(Func<bool> condition) => Run(condition, static (ref VmExit _) => false);

    private delegate bool Exit(ref VmExit exit);

    private void Run(Func<bool> until, Exit seen)
    {
        // Only a guest that nothing wakes comes to that.
        using Timer limit = new(_ => _vcpu.Kick(), null, TimeSpan.FromSeconds(30), Timeout.InfiniteTimeSpan);
        System.Diagnostics.Stopwatch waited = System.Diagnostics.Stopwatch.StartNew();
        while (!until())
        {
            ref VmExit exit = ref _vcpu.Run();
            Assert.True(waited.Elapsed < TimeSpan.FromSeconds(30), "the guest is not interrupted");
            if (seen(ref exit)) continue;
            switch (exit.Reason)
            {
                case VmExitReason.PortIo:
                    Assert.True(_interrupts.TryHandlePort(exit.Port, exit.Size, exit.Count, exit.IsWrite, exit.Data));
                    break;
                case VmExitReason.Mmio:
                    Assert.True(_interrupts.TryHandleMemory(exit.Address, exit.Size, exit.IsWrite, exit.Data));
                    break;
                case VmExitReason.IoapicEoi:
                    if (_interrupts.EndOfInterrupt(exit.Vector)) _endsForClient.Add(exit.Vector);
                    break;
                default:
                    Assert.Equal(VmExitReason.Interrupted, exit.Reason);
                    break;
            }
        }
    }
}
