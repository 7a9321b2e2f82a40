using Vitrine.Accelerators.Software;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Capabilities;
using Vitrine.KvmServer.Engine;
using Vitrine.KvmServer.Native;
using Vitrine.KvmServer.Run;
using Vitrine.KvmServer.State;

namespace Vitrine.KvmServer.Files;

/// <summary>A virtual machine: memory slots, vCPUs, interrupt controllers, clock.</summary>
internal sealed class VmFile : ServedFile
{
    private const int VcpuCount = 0;
    private const int SlotCount = 1;

    private readonly Lock _lock = new();
    private readonly StatisticsSource _statistics = new([("vcpus", true), ("memslots", true)]);
    private readonly HashSet<int> _created = [];

    /// <summary>Makes a machine without memory and vCPUs.</summary>
    public VmFile(KvmHost host, MemoryFile file)
        : base(host, file)
    {
        Machine = host.NextMachine();
        Engine = new VmEngine(host.Options.Cpu);
    }

    /// <inheritdoc/>
    public override KvmDescriptorKind Kind => KvmDescriptorKind.Vm;

    /// <inheritdoc/>
    public override int Machine { get; }

    /// <summary>What runs it.</summary>
    public VmEngine Engine { get; }

    /// <inheritdoc/>
    public override long Ioctl(uint request, ulong argument) => request switch
    {
        KvmIoctl.KVM_CHECK_EXTENSION => Extensions.Check(argument),
        KvmIoctl.KVM_CREATE_VCPU => CreateVcpu(argument),
        KvmIoctl.KVM_SET_USER_MEMORY_REGION => SetMemoryRegion(argument),
        KvmIoctl.KVM_GET_DIRTY_LOG => GetDirtyLog(argument),
        KvmIoctl.KVM_CLEAR_DIRTY_LOG => ClearDirtyLog(argument),
        KvmIoctl.KVM_ENABLE_CAP => EnableCapability(argument),
        KvmIoctl.KVM_GET_CLOCK => ClockCalls.Get(argument, Engine),
        KvmIoctl.KVM_SET_CLOCK => ClockCalls.Set(argument, Engine),
        KvmIoctl.KVM_X86_SET_MSR_FILTER => MsrFilterCalls.Set(argument, Engine.Behavior),
        KvmIoctl.KVM_SET_NR_MMU_PAGES => argument == 0 ? -Errno.EINVAL : 0,
        KvmIoctl.KVM_GET_STATS_FD => Host.Create("kvm-vm-stats", pages: 1, file => new StatisticsFile(Host, file, Machine, vcpu: -1, _statistics)),
        KvmIoctl.KVM_CREATE_DEVICE => DeviceCalls.Create(argument),
        KvmIoctl.KVM_GET_TSC_KHZ => Engine.TscKilohertz,
        KvmIoctl.KVM_SET_TSC_KHZ => !Engine.HasVcpus && (argument == 0 || argument == Engine.TscKilohertz) ? 0 : -Errno.EINVAL,
        _ => CallInterrupts(request, argument),
    };

    /// <summary>Looks again for memory that the guest has not found. No vCPU's lock is held.</summary>
    /// <returns>True when some has come.</returns>
    public bool FillHoles()
    {
        lock (_lock) return Engine.Slots.FillHoles(Engine.Accelerator);
    }

    /// <summary>A vCPU's last descriptor is closed.</summary>
    public void RemoveVcpu(int id)
    {
        lock (_lock)
        {
            Engine.RemoveVcpu(id);
            ShowStatistics();
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        Engine.Dispose();
        base.Dispose();
    }

    // What is chosen once is chosen with the machine's lock; interrupts come without.
    private long CallInterrupts(uint request, ulong argument)
    {
        if (request is not (KvmIoctl.KVM_CREATE_IRQCHIP or KvmIoctl.KVM_SET_IDENTITY_MAP_ADDR or KvmIoctl.KVM_SET_BOOT_CPU_ID))
        {
            return InterruptCalls.Call(Engine, request, argument);
        }

        lock (_lock) return InterruptCalls.Call(Engine, request, argument);
    }

    private int CreateVcpu(ulong id)
    {
        if (id >= SoftwareAccelerator.VcpuLimit) return -Errno.EINVAL;
        lock (_lock)
        {
            // A vCPU whose descriptors are closed is there until the machine ends, as far as clients can tell.
            if (_created.Contains((int)id)) return -Errno.EEXIST;
            int descriptor = Host.Create($"kvm-vcpu:{id}", VcpuPages.Count, file => new VcpuFile(Host, file, this, (int)id));
            if (descriptor < 0) return descriptor;
            _created.Add((int)id);
            ShowStatistics();
            return descriptor;
        }
    }

    private int SetMemoryRegion(ulong argument)
    {
        int error = ClientMemory.Read(argument, out kvm_userspace_memory_region region);
        if (error < 0) return error;
        lock (_lock)
        {
            error = Engine.Slots.Set(region, Engine.Accelerator);
            ShowStatistics();
            return error;
        }
    }

    private void ShowStatistics()
    {
        _statistics.Set(VcpuCount, (ulong)Engine.Vcpus.Count);
        _statistics.Set(SlotCount, (ulong)Engine.Slots.Count);
        _statistics.Show();
    }

    private int GetDirtyLog(ulong argument)
    {
        int error = ClientMemory.Read(argument, out kvm_dirty_log log);
        if (error < 0) return error;
        lock (_lock) return Engine.Slots.GetDirtyLog(log, Engine.Accelerator);
    }

    private int ClearDirtyLog(ulong argument)
    {
        int error = ClientMemory.Read(argument, out kvm_clear_dirty_log log);
        if (error < 0) return error;
        lock (_lock) return Engine.Slots.ClearDirtyLog(log);
    }

    private unsafe int EnableCapability(ulong argument)
    {
        // SAFETY: arguments are indexed within the structure's array.
        int error = ClientMemory.Read(argument, out kvm_enable_cap cap);
        if (error < 0) return error;
        if (cap.flags != 0) return -Errno.EINVAL;
        ulong value = cap.args[0];
        lock (_lock)
        {
            switch (cap.cap)
            {
                case KvmCap.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
                    const ulong Known = KvmConstants.KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KvmConstants.KVM_DIRTY_LOG_INITIALLY_SET;
                    if ((value & ~Known) != 0 || value == KvmConstants.KVM_DIRTY_LOG_INITIALLY_SET) return -Errno.EINVAL;
                    Engine.Slots.ClearsByHand = (value & KvmConstants.KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE) != 0;
                    Engine.Slots.BeginsDirty = (value & KvmConstants.KVM_DIRTY_LOG_INITIALLY_SET) != 0;
                    return 0;
                case KvmCap.KVM_CAP_X86_USER_SPACE_MSR:
                    if ((value & ~(ulong)Extensions.MsrExitMask) != 0) return -Errno.EINVAL;
                    Engine.Behavior.MsrExits = MsrFilterCalls.ReasonsOf((uint)value);
                    return 0;
                case KvmCap.KVM_CAP_DISABLE_QUIRKS or KvmCap.KVM_CAP_DISABLE_QUIRKS2:
                    if (cap.cap == KvmCap.KVM_CAP_DISABLE_QUIRKS2 && (value & ~KvmConstants.KVM_X86_QUIRK_OUT_7E_INC_RIP) != 0) return -Errno.EINVAL;
                    Engine.Behavior.SkipsOut7E = (value & KvmConstants.KVM_X86_QUIRK_OUT_7E_INC_RIP) == 0;
                    return 0;
                case KvmCap.KVM_CAP_X2APIC_API:
                    const ulong Apis = KvmConstants.KVM_X2APIC_API_USE_32BIT_IDS | KvmConstants.KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK;
                    if ((value & ~Apis) != 0) return -Errno.EINVAL;
                    Engine.Interrupts.WideDestinations = (value & KvmConstants.KVM_X2APIC_API_USE_32BIT_IDS) != 0;
                    return 0;
                case KvmCap.KVM_CAP_EXCEPTION_PAYLOAD:
                    Engine.Settings.ExceptionPayload = value != 0;
                    return 0;
                case KvmCap.KVM_CAP_X86_TRIPLE_FAULT_EVENT:
                    Engine.Settings.TripleFaultEvent = value != 0;
                    return 0;
                case KvmCap.KVM_CAP_SPLIT_IRQCHIP:
                    return Engine.Choose(Engine.Interrupts.EnableSplitIrqchip(Engine.HasVcpus, value));
                default:
                    return -Errno.EINVAL;
            }
        }
    }
}
