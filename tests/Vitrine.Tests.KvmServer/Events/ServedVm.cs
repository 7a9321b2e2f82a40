using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Events;
using Vitrine.Timing;

namespace Vitrine.Tests.KvmServer.Events;

/// <summary>Ours, with the software CPU behind it.</summary>
internal sealed unsafe class ServedVm : TestedVm
{
    private readonly SoftwareAccelerator _accelerator =
        SoftwareAccelerator.Create(new SoftwareOptions { Engine = SoftwareEngine.Interpreter });
    private readonly VmSettings _settings = new();
    private readonly VcpuTaskPriority _taskPriority = new();
    private IVirtualCpu? _vcpu;

    public ServedVm(MachineClock? clock = null)
    {
        Interrupts = new VmInterrupts(clock ?? MachineClock.StartNew(), error => Failure ??= error);
        Interrupts.Connect(_accelerator);
    }

    public VmInterrupts Interrupts { get; }

    public Exception? Failure { get; private set; }

    public override int Call(uint request, void* argument) => request switch
    {
        KvmIoctl.KVM_CREATE_IRQCHIP => Interrupts.CreateIrqchip(_vcpu is not null),
        KvmIoctl.KVM_ENABLE_CAP => Interrupts.EnableSplitIrqchip(_vcpu is not null, ((kvm_enable_cap*)argument)->args[0]),
        KvmIoctl.KVM_GET_IRQCHIP => Interrupts.GetIrqchip(ref *(kvm_irqchip*)argument),
        KvmIoctl.KVM_SET_IRQCHIP => Interrupts.SetIrqchip(*(kvm_irqchip*)argument),
        KvmIoctl.KVM_CREATE_PIT => Interrupts.CreatePit(),
        KvmIoctl.KVM_CREATE_PIT2 => Interrupts.CreatePit(*(kvm_pit_config*)argument),
        KvmIoctl.KVM_GET_PIT => Interrupts.GetPit(out *(kvm_pit_channels*)argument),
        KvmIoctl.KVM_SET_PIT => Interrupts.SetPit(*(kvm_pit_channels*)argument),
        KvmIoctl.KVM_GET_PIT2 => Interrupts.GetPit(out *(kvm_pit_state2*)argument),
        KvmIoctl.KVM_SET_PIT2 => Interrupts.SetPit(*(kvm_pit_state2*)argument),
        KvmIoctl.KVM_REINJECT_CONTROL => Interrupts.ControlReinjection(*(kvm_reinject_control*)argument),
        KvmIoctl.KVM_IRQ_LINE => Interrupts.SetLine(*(kvm_irq_level*)argument, out _),
        KvmIoctl.KVM_IRQ_LINE_STATUS => SetLine((kvm_irq_level*)argument),
        KvmIoctl.KVM_SET_GSI_ROUTING => SetRouting((kvm_irq_routing*)argument),
        KvmIoctl.KVM_SIGNAL_MSI => Interrupts.SignalMessage(*(kvm_msi*)argument),
        KvmIoctl.KVM_IRQFD => Interrupts.ChangeIrqfd(*(kvm_irqfd*)argument),
        KvmIoctl.KVM_IOEVENTFD => Interrupts.ChangeIoEvent(*(kvm_ioeventfd*)argument),
        KvmIoctl.KVM_REGISTER_COALESCED_MMIO => Interrupts.RegisterCoalesced(*(kvm_coalesced_mmio_zone*)argument),
        KvmIoctl.KVM_UNREGISTER_COALESCED_MMIO => Interrupts.UnregisterCoalesced(*(kvm_coalesced_mmio_zone*)argument),
        KvmIoctl.KVM_SET_TSS_ADDR => _settings.SetTssAddress((ulong)argument),
        KvmIoctl.KVM_SET_IDENTITY_MAP_ADDR => _vcpu is null ? _settings.SetIdentityMapAddress(*(ulong*)argument) : -Errno.EINVAL,
        KvmIoctl.KVM_SET_BOOT_CPU_ID => _settings.SetBootCpuId(_vcpu is not null, (ulong)argument),
        _ => -Errno.ENOTTY,
    };

    public override int CallVcpu(uint request, void* argument)
    {
        if (_vcpu is null)
        {
            _vcpu = _accelerator.CreateVcpu(0);
            Interrupts.Connect(_vcpu);
        }

        return request switch
        {
            0 => 0,
            KvmIoctl.KVM_TPR_ACCESS_REPORTING => _taskPriority.SetReporting(*(kvm_tpr_access_ctl*)argument),
            KvmIoctl.KVM_SET_VAPIC_ADDR => _taskPriority.SetCopyAddress(*(kvm_vapic_addr*)argument, Interrupts.Mode, static _ => false),
            _ => -Errno.ENOTTY,
        };
    }

    public override void Dispose()
    {
        Interrupts.Dispose();
        _accelerator.Dispose();
        Xunit.Assert.Null(Failure);
    }

    /// <summary>OUT of one byte, which must be handled inside.</summary>
    public void Out(ushort port, byte value) => Xunit.Assert.True(Interrupts.TryHandlePort(port, 1, 1, isWrite: true, [value]));

    /// <summary>IN of one byte, which must be handled inside.</summary>
    public byte In(ushort port)
    {
        Span<byte> data = stackalloc byte[1];
        Xunit.Assert.True(Interrupts.TryHandlePort(port, 1, 1, isWrite: false, data));
        return data[0];
    }

    private int SetLine(kvm_irq_level* line)
    {
        int result = Interrupts.SetLine(*line, out int status);
        if (result >= 0) line->irq = (uint)status;
        return result;
    }

    private int SetRouting(kvm_irq_routing* table)
    {
        int error = Interrupts.CheckRouting(*table);
        return error < 0 ? error : Interrupts.SetRouting(new ReadOnlySpan<kvm_irq_routing_entry>(table + 1, (int)table->nr));
    }
}
