using Vitrine.Accelerators;
using Vitrine.Accelerators.Observation;
using Vitrine.Boot;
using Vitrine.Kvm.Abi;
using Vitrine.Tests.Stepping;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Machine;

/// <summary>The register protocol over whole lives of machines: no put is left out, doubled or out of order.</summary>
public sealed class RegisterProtocolTests
{
    private const ulong Flag = 0x6000;
    private const ulong Resets = SteppedCode.Handler;

    // Each with the step of QEMU's timeline that makes the same call, as traced before the first KVM_RUN of a PC.
    // QEMU: 1 open, CREATE_VM. 2, 3 capabilities, MSR list, identity map, TSS. 4 irqchip. 5 supported CPUID. 6 vCPU. 7 CPUID. 9 slots, PIT.
    // 10 the full put. 15 run.
    private static readonly (string Name, int Step, string? Deviation)[] s_creation =
    [
        ("open", 1, null),
        ("KVM_GET_API_VERSION", 1, null),
        ("KVM_CHECK_EXTENSION", 1, null),
        ("KVM_CREATE_VM", 1, null),
        ("KVM_SET_IDENTITY_MAP_ADDR", 3, null),
        ("KVM_SET_TSS_ADDR", 3, null),
        ("KVM_ENABLE_CAP", 3, null),
        ("KVM_CREATE_IRQCHIP", 4, null),
        ("KVM_CREATE_PIT2", 9, "made with the irqchip, which is all that it needs: the board has no timer of its own then"),
        ("KVM_ENABLE_CAP", 2, "the dirty log's mode is set where the slots are kept"),
        ("KVM_GET_MSR_INDEX_LIST", 3, "the list needs no machine; it is read when everything that may fail has succeeded"),
        ("KVM_GET_SUPPORTED_CPUID", 5, null),
        ("KVM_SET_USER_MEMORY_REGION", 9, "the map of memory is known before the vCPU is made"),
        ("KVM_GET_VCPU_MMAP_SIZE", 6, "asked before the vCPU is made, so that its failure leaves nothing behind"),
        ("KVM_CREATE_VCPU", 6, null),
        ("mmap", 6, null),
        ("KVM_GET_TSC_KHZ", 7, null),
        ("KVM_CHECK_EXTENSION", 7, null),
        ("KVM_SET_CPUID2", 7, null),
        ("KVM_SET_SREGS2", 10, null),
        ("KVM_SET_TSC_KHZ", 10, null),
        ("KVM_SET_REGS", 10, null),
        ("KVM_GET_XSAVE2", 10, null), // read, modify, write
        ("KVM_SET_XSAVE", 10, null),
        ("KVM_SET_XCRS", 10, null),
        ("KVM_SET_MSRS", 10, null),
        ("KVM_SET_VCPU_EVENTS", 10, null),
        ("KVM_SET_MP_STATE", 10, null),
        ("KVM_SET_LAPIC", 12, "QEMU's APIC is a device, which is reset with the others"),
        ("KVM_SET_DEBUGREGS", 10, null), // no TSC deadline before it: a state that was built has none
        ("KVM_RUN", 15, null),
    ];

    [Fact]
    public void AWholeLifeInSoftware()
    {
        CallLog log = new();
        using (SteppedCode guest = Guest(AcceleratorChoice.Soft, log))
        {
            Live(guest);
        }

        // Kicks and interrupt lines come from other threads, whenever they come.
        string[] calls =
        [
            .. log.MachineCalls.Where(call => call.Name is not ("Kick" or "NotifyExternalInterrupt" or "SetMemorySlot"))
                .Select(call => $"{call.Name}{(call.Name == "PutState" ? " " + call.Arguments[0].Value : call.Name == "Run" ? ": " + call.Result : "")}"),
        ];
        Assert.Equal(
            [
                "ConnectExternalInterrupts",
                "CreateVcpu",
                "SetCpuid",
                "PutState Full",

                // The test points the stack elsewhere before the start.
                "GetState",
                "PutState Runtime",
                "Run: Interrupted: kicked, or a signal came",
                "GetState",

                // A look puts nothing; a change does.
                "Run: Interrupted: kicked, or a signal came",
                "GetState",
                "PutState Runtime",
                "Run: PortIo: out 1 byte to port 0x64: 0xfe",
                "GetState",
                "PutState Reset",

                // The reset called for all vCPUs, also for the one that caused it.
                "Run: Interrupted: kicked, or a signal came",
                "Run: PortIo: out 1 byte to port 0xf4: 0x1",
                "GetState",
                "Dispose",
                "Dispose",
            ],
            calls);
        Assert.Equal(
            [(PutLevel.Full, true, false), (PutLevel.Runtime, true, false), (PutLevel.Runtime, true, false), (PutLevel.Reset, true, false)],
            log.Puts.Select(put => (put.Level, put.DirtyBefore, put.DirtyAfter)));

        // The second and third put bring just what was changed.
        Assert.Equal([("RSP", (UInt128)0x7000)], Changes(log.Puts[1]));
        Assert.Equal([("RIP", (UInt128)Resets)], Changes(log.Puts[2]));

        // EDX is the signature in CPUID 1:EAX, which the vCPU could not know when it reset itself.
        Assert.Contains("RDX", log.Puts[0].Changes.Select(change => change.Name));
        Assert.All(log.Puts, put => Assert.Equal("PutState", log.Calls[put.Call - 1].Name));
    }

    [Fact]
    public void PutsOfAWholeLifeOnKvm()
    {
        CallLog log = new();
        using (SteppedCode guest = Guest(AcceleratorChoice.Kvm, log))
        {
            Live(guest);
        }

        // Each put is one pass through the order, in the vCPU's own thread, with the register classes that its level allows.
        IReadOnlyList<CallRecord> machine = log.MachineCalls;
        foreach (StatePut put in log.Puts)
        {
            string[] ioctls = [.. machine.Where(call => call.Parent == put.Call).Select(call => call.Name)];
            Assert.Single(ioctls, "KVM_SET_SREGS2");
            Assert.Single(ioctls, "KVM_SET_REGS");
            Assert.Equal(put.Level == PutLevel.Full, ioctls.Contains("KVM_SET_TSC_KHZ"));
            Assert.Equal(put.Level != PutLevel.Runtime, ioctls.Contains("KVM_SET_MP_STATE"));
            Assert.All(machine.Where(call => call.Parent == put.Call), call => Assert.Equal("vcpu0", call.Thread));
        }

        Assert.Equal(
            [PutLevel.Full, PutLevel.Runtime, PutLevel.Runtime, PutLevel.Reset],
            log.Puts.Select(put => put.Level));
        Assert.Equal(log.Puts.Count, machine.Count(call => call.Name == "KVM_SET_SREGS2"));
    }

    [Fact]
    public void CreationOnKvmHasTheOrderOfTheTimeline()
    {
        CallLog log = new();
        using (SteppedCode guest = Guest(AcceleratorChoice.Kvm, log, stack: false))
        {
            guest.Machine.Start();
            while (!log.Calls.Any(call => call.Name == "KVM_RUN"))
            {
                guest.Machine.Pause();
                guest.Machine.Resume();
            }
        }

        CallRecord[] ioctls = [.. log.MachineCalls.Where(call => call.Target.Contains("fd", StringComparison.Ordinal) || call.Target.StartsWith('/'))];
        string[] optional = [nameof(KvmCap.KVM_CAP_SREGS2), nameof(KvmCap.KVM_CAP_XSAVE2), nameof(KvmCap.KVM_CAP_X86_TRIPLE_FAULT_EVENT), nameof(KvmCap.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2)];
        CallRecord? absent = Array.Find(ioctls, call => call.Name == "KVM_CHECK_EXTENSION" && optional.Contains(call.Arguments[0].Value) && call.Result == "0");
        Assert.SkipWhen(absent is not null, $"this KVM lacks {absent?.Arguments[0].Value}");
        List<string> names = [];
        foreach (CallRecord call in ioctls)
        {
            // Only these are made several times in a row.
            bool again = names.Count > 0 && names[^1] == call.Name;
            if (!again || call.Name is not ("KVM_CHECK_EXTENSION" or "KVM_SET_USER_MEMORY_REGION" or "KVM_GET_MSR_INDEX_LIST")) names.Add(call.Name);
            if (call.Name == "KVM_RUN") break;
        }

        Assert.Equal(s_creation.Select(call => call.Name), names);
        for (int i = 1; i < s_creation.Length; i++)
        {
            // What we make earlier or later than QEMU has its reason; nothing else does.
            bool inOrder = s_creation[i].Step >= s_creation[..i].Where(call => call.Deviation is null).Max(call => call.Step);
            Assert.True(inOrder || s_creation[i].Deviation is not null, s_creation[i].Name);
        }
    }

    [Fact]
    public void AMachineThatNobodyObservesHasNoDecorator()
    {
        using SteppedCode guest = Guest(AcceleratorChoice.Soft, null, stack: false);
        Assert.IsType<Vitrine.Accelerators.Software.SoftwareAccelerator>(guest.Machine.AcceleratorInUse);
    }

    private static (string Name, UInt128 After)[] Changes(StatePut put) =>
        [.. put.Changes.Where(change => !change.IsClock).Select(change => (change.Name, change.After))];

    // Loops until it is sent to the reset; after that it finds the flag and ends.
    private static SteppedCode Guest(AcceleratorChoice accelerator, CallLog? log, bool stack = true) => new(
        accelerator,
        FlatMode.Real,
        a =>
        {
            Iced.Intel.Label wait = a.CreateLabel();
            Iced.Intel.Label end = a.CreateLabel();
            a.cmp(__byte_ptr[(short)Flag], 1);
            a.je(end);
            a.Label(ref wait);
            a.jmp(wait);
            a.Label(ref end);
            a.mov(al, 1);
            a.@out(0xF4, al);
        },
        a =>
        {
            a.mov(al, 0xFE);
            a.@out(0x64, al);
        },
        log,
        stack);

    private static void Live(SteppedCode guest)
    {
        VirtualMachine machine = guest.Machine;
        RunALittle(machine);
        machine.Pause();
        Assert.NotEqual(0UL, machine.ReadState(0).Rip);
        RunALittle(machine);
        machine.Pause();
        Assert.True(machine.Memory.TryWrite(new Gpa(Flag), [1]));
        ProcessorState state = machine.GetState(0);
        state.Rip = Resets;
        machine.Resume();
        Assert.Equal(VmEndReason.DebugExit, machine.Wait(SteppedCode.Patience)!.Reason);
    }

    // Starts or resumes. A pause that comes before the vCPU has left the gate would find it there still.
    private static void RunALittle(VirtualMachine machine)
    {
        int begun = machine.Config.Calls!.Begun;
        machine.Resume();
        while (machine.Config.Calls.Begun == begun) Thread.Yield();
    }
}
