using System.Globalization;
using System.Runtime.InteropServices;
using Vitrine.Accelerators.Statistics;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Engine;
using Vitrine.KvmServer.Events;
using Vitrine.KvmServer.Native;
using Vitrine.KvmServer.Run;
using Vitrine.KvmServer.State;
using Vitrine.KvmServer.Watch;

namespace Vitrine.KvmServer.Files;

/// <summary>A vCPU: its state, and running it. As in the kernel its calls exclude each other; while one is in KVM_RUN the others wait.</summary>
internal sealed unsafe class VcpuFile : ServedFile
{
    // SAFETY: the attention block is never freed, because a signal handler may be about to write to it. Pages is mapped as long as calls are made.
    private readonly VmFile _vm;
    private readonly AttentionBlock* _attention;
    private readonly ServedVcpu _vcpu;
    private readonly VcpuRun _run;
    private readonly VcpuTaskPriority _taskPriority = new();

    /// <summary>Makes a vCPU in its state after RESET. The machine's lock is held.</summary>
    public VcpuFile(KvmHost host, MemoryFile file, VmFile vm, int id)
        : base(host, file)
    {
        _vm = vm;
        Vcpu = id;
        _attention = (AttentionBlock*)NativeMemory.AllocZeroed((nuint)sizeof(AttentionBlock));
        _vcpu = vm.Engine.CreateVcpu(id, _attention);
        vm.Engine.Interrupts.AttachRing(Pages + (VcpuPages.CoalescedPage * 4096));
        Watched = new WatchedServedVcpu(vm.Machine, vm.Engine, _vcpu);
        RunWatch? watch = host.Options.Watcher is { } watcher ? new RunWatch(watcher, Watched, _vcpu) : null;
        _run = new VcpuRun(_vcpu, vm.Engine, Pages, _attention, watch);
    }

    /// <summary>Bytes of the file (KVM_GET_VCPU_MMAP_SIZE).</summary>
    public const int Bytes = VcpuPages.Count * 4096;

    /// <inheritdoc/>
    public override KvmDescriptorKind Kind => KvmDescriptorKind.Vcpu;

    /// <inheritdoc/>
    public override int Machine => _vm.Machine;

    /// <inheritdoc/>
    public override int Vcpu { get; }

    /// <summary>What who watches it sees.</summary>
    public WatchedVcpu Watched { get; }

    /// <summary>What it is called where it is counted.</summary>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"vCPU {Vcpu} of machine {Machine}");

    /// <summary>Address of what signal handlers store to.</summary>
    public nint Attention => (nint)_attention;

    /// <summary>What its engines have done. Any thread.</summary>
    public CpuStatistics? Statistics => _vcpu.Statistics;

    /// <summary>Makes KVM_RUN return EINTR. Any thread.</summary>
    public void Interrupt()
    {
        Volatile.Write(ref _attention->Signal, 1);
        _vcpu.Cpu.Kick();
    }

    /// <inheritdoc/>
    public override long Ioctl(uint request, ulong argument)
    {
        long result;
        do
        {
            lock (_vcpu.Gate)
            {
                result = request == KvmIoctl.KVM_RUN ? Run(argument) : Call(request, argument);
            }
        }
        while (request == KvmIoctl.KVM_RUN && result == -Errno.EFAULT && _vm.FillHoles());

        return result;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        Host.Note(this);
        AttentionBlock.Detach(_attention);
        _vm.Engine.Interrupts.DetachRing(Pages + (VcpuPages.CoalescedPage * 4096));
        _vm.RemoveVcpu(Vcpu);
        base.Dispose();
    }

    private long Run(ulong argument)
    {
        if (argument != 0) return -Errno.EINVAL;
        kvm_run* page = (kvm_run*)Pages;
        VmSettings settings = _vm.Engine.Settings;
        if ((page->kvm_valid_regs | page->kvm_dirty_regs) != 0 && SharedRegisters.Take(_vcpu, settings, page) is < 0 and int error) return error;
        _vcpu.HasRun = true;
        long result = _run.Run();
        if (page->kvm_valid_regs != 0) SharedRegisters.Give(_vcpu, settings, page);
        return result;
    }

    private long Call(uint request, ulong argument) => request switch
    {
        KvmIoctl.KVM_GET_REGS => RegisterCalls.GetGeneral(_vcpu, argument),
        KvmIoctl.KVM_SET_REGS => RegisterCalls.SetGeneral(_vcpu, argument),
        KvmIoctl.KVM_GET_SREGS => RegisterCalls.GetSpecial(_vcpu, argument),
        KvmIoctl.KVM_SET_SREGS => RegisterCalls.SetSpecial(_vcpu, argument),
        KvmIoctl.KVM_GET_SREGS2 => RegisterCalls.GetSpecialSecond(_vcpu, argument),
        KvmIoctl.KVM_SET_SREGS2 => RegisterCalls.SetSpecialSecond(_vcpu, argument),
        KvmIoctl.KVM_GET_FPU => RegisterCalls.GetFpu(_vcpu, argument),
        KvmIoctl.KVM_SET_FPU => RegisterCalls.SetFpu(_vcpu, argument),
        KvmIoctl.KVM_GET_XSAVE or KvmIoctl.KVM_GET_XSAVE2 => RegisterCalls.GetXsave(_vcpu, argument),
        KvmIoctl.KVM_SET_XSAVE => RegisterCalls.SetXsave(_vcpu, argument),
        KvmIoctl.KVM_GET_XCRS => RegisterCalls.GetExtendedControl(_vcpu, argument),
        KvmIoctl.KVM_SET_XCRS => RegisterCalls.SetExtendedControl(_vcpu, argument),
        KvmIoctl.KVM_GET_DEBUGREGS => RegisterCalls.GetDebug(_vcpu, argument),
        KvmIoctl.KVM_SET_DEBUGREGS => RegisterCalls.SetDebug(_vcpu, argument),
        KvmIoctl.KVM_GET_MSRS => MsrCalls.Get(argument, _vcpu.Parts.TryReadMsr),
        KvmIoctl.KVM_SET_MSRS => MsrCalls.Set(argument, _vcpu.Parts.TryWriteMsr),
        KvmIoctl.KVM_SET_CPUID2 => VcpuCpuidCalls.Set(_vcpu, argument),
        KvmIoctl.KVM_SET_CPUID => VcpuCpuidCalls.SetOld(_vcpu, argument),
        KvmIoctl.KVM_GET_CPUID2 => CpuidCalls.WriteCurrent(argument, _vcpu.Cpuid),
        KvmIoctl.KVM_GET_LAPIC => LocalApicCalls.Get(_vcpu, _vm.Engine, argument),
        KvmIoctl.KVM_SET_LAPIC => LocalApicCalls.Set(_vcpu, _vm.Engine, argument),
        KvmIoctl.KVM_GET_MP_STATE => EventCalls.GetActivity(_vcpu, argument),
        KvmIoctl.KVM_SET_MP_STATE => EventCalls.SetActivity(_vcpu, _vm.Engine, argument),
        KvmIoctl.KVM_GET_VCPU_EVENTS => EventCalls.Get(_vcpu, _vm.Engine.Settings, argument),
        KvmIoctl.KVM_SET_VCPU_EVENTS => EventCalls.Set(_vcpu, _vm.Engine.Settings, argument),
        KvmIoctl.KVM_INTERRUPT => EventCalls.Interrupt(_vcpu, _vm.Engine, argument),
        KvmIoctl.KVM_NMI => EventCalls.Nmi(_vcpu),
        KvmIoctl.KVM_SET_GUEST_DEBUG => DebugCalls.Set(_vcpu, argument),
        KvmIoctl.KVM_TRANSLATE => DebugCalls.Translate(_vcpu, argument),
        KvmIoctl.KVM_GET_TSC_KHZ => _vcpu.Cpu.TscKilohertz,
        KvmIoctl.KVM_SET_TSC_KHZ => argument == 0 || argument == _vcpu.Cpu.TscKilohertz ? 0 : -Errno.EINVAL,
        KvmIoctl.KVM_KVMCLOCK_CTRL => _vcpu.Parts.TryNotePause() ? 0 : -Errno.EINVAL,
        KvmIoctl.KVM_X86_SETUP_MCE => MachineCheckCalls.SetUp(_vcpu, argument),
        KvmIoctl.KVM_X86_SET_MCE => MachineCheckCalls.Inject(_vcpu, argument),
        KvmIoctl.KVM_GET_STATS_FD => Host.Create(
            $"kvm-vcpu-stats:{Vcpu}", pages: 1, file => new StatisticsFile(Host, file, Machine, Vcpu, _run.Counters.Source)),
        KvmIoctl.KVM_SET_SIGNAL_MASK => SetSignalMask(argument),

        // As a kernel that was built without system-management mode.
        KvmIoctl.KVM_SMI => -Errno.ENOTTY,
        KvmIoctl.KVM_ENABLE_CAP => CheckCapability(argument),
        KvmIoctl.KVM_TPR_ACCESS_REPORTING => TaskPriorityCalls.SetReporting(_taskPriority, argument),
        KvmIoctl.KVM_SET_VAPIC_ADDR => TaskPriorityCalls.SetCopyAddress(_taskPriority, _vm.Engine, argument),
        KvmIoctl.KVM_HAS_DEVICE_ATTR or KvmIoctl.KVM_GET_DEVICE_ATTR or KvmIoctl.KVM_SET_DEVICE_ATTR => DeviceCalls.CheckAttribute(argument),

        // What it doesn't know the kernel passes on to its architecture, which says this instead of ENOTTY.
        _ => -Errno.EINVAL,
    };

    // All that KVM_ENABLE_CAP can switch on for one vCPU is Hyper-V's.
    private static int CheckCapability(ulong argument)
    {
        int error = ClientMemory.Read(argument, out kvm_enable_cap _);
        return error < 0 ? error : -Errno.EINVAL;
    }

    // The mask itself is applied by who makes the client's system calls: the preloaded library.
    private int SetSignalMask(ulong argument)
    {
        if (argument == 0)
        {
            _attention->HasMask = 0;
            return 0;
        }

        int error = ClientMemory.Read(argument, out kvm_signal_mask header);
        if (error < 0) return error;
        if (header.len != sizeof(ulong)) return -Errno.EINVAL;
        error = ClientMemory.Read(argument + (ulong)sizeof(kvm_signal_mask), out ulong mask);
        if (error < 0) return error;
        _attention->Mask = mask;
        _attention->HasMask = 1;
        return 0;
    }
}
