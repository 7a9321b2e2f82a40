using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Irqchip;

namespace Vitrine.KvmServer.Events;

// The controllers and the timer.
internal sealed partial class VmInterrupts
{
    /// <summary>KVM_CREATE_IRQCHIP.</summary>
    /// <param name="hasVcpus">Whether a vCPU has been created.</param>
    /// <returns>-EEXIST when there are controllers, or local APICs, already; -EINVAL when it is too late.</returns>
    public int CreateIrqchip(bool hasVcpus)
    {
        lock (_changes)
        {
            if (Mode != IrqchipMode.None) return -Errno.EEXIST;
            if (hasVcpus) return -Errno.EINVAL;
            _lines.CreateControllers();
            Mode = IrqchipMode.Full;
            return 0;
        }
    }

    /// <summary>KVM_ENABLE_CAP, KVM_CAP_SPLIT_IRQCHIP.</summary>
    /// <param name="hasVcpus">Whether a vCPU has been created.</param>
    /// <param name="pins">How many global system interrupts are pins of IOAPICs of the client's.</param>
    /// <returns>-EINVAL for more pins than there can be routes; -EEXIST when there are controllers already, or it is too late.</returns>
    public int EnableSplitIrqchip(bool hasVcpus, ulong pins)
    {
        lock (_changes)
        {
            if (pins > KvmConstants.KVM_MAX_IRQ_ROUTES) return -Errno.EINVAL;
            if (Mode != IrqchipMode.None || hasVcpus) return -Errno.EEXIST;
            _clientPins = (uint)pins;
            Mode = IrqchipMode.Split;
            return 0;
        }
    }

    /// <summary>KVM_GET_IRQCHIP.</summary>
    /// <returns>-ENXIO without controllers; -EINVAL for one that there is not.</returns>
    public int GetIrqchip(ref kvm_irqchip chip)
    {
        lock (DeviceLock) return _lines.Controllers is { } controllers ? controllers.Get(ref chip) : -Errno.ENXIO;
    }

    /// <summary>KVM_SET_IRQCHIP.</summary>
    /// <returns>As of <see cref="GetIrqchip"/>.</returns>
    public int SetIrqchip(in kvm_irqchip chip)
    {
        lock (DeviceLock) return _lines.Controllers is { } controllers ? controllers.Set(chip) : -Errno.ENXIO;
    }

    /// <summary>KVM_CREATE_PIT.</summary>
    /// <returns>As of <see cref="CreatePit(in kvm_pit_config)"/>.</returns>
    public int CreatePit() => CreatePit(new kvm_pit_config { flags = KvmConstants.KVM_PIT_SPEAKER_DUMMY });

    /// <summary>KVM_CREATE_PIT2.</summary>
    /// <returns>-EEXIST when there is one; -ENOENT without controllers.</returns>
    public int CreatePit(in kvm_pit_config config)
    {
        lock (_changes)
        {
            if (_timer is not null) return -Errno.EEXIST;
            if (Mode != IrqchipMode.Full) return -Errno.ENOENT;
            _timer = new IntervalTimer(_lines, clock, failed, (config.flags & KvmConstants.KVM_PIT_SPEAKER_DUMMY) != 0);
            return 0;
        }
    }

    /// <summary>KVM_GET_PIT.</summary>
    /// <returns>-ENXIO without a timer.</returns>
    public int GetPit(out kvm_pit_channels channels)
    {
        int error = GetPit(out kvm_pit_state2 state);
        channels = state.channels;
        return error;
    }

    /// <summary>KVM_SET_PIT.</summary>
    /// <returns>-ENXIO without a timer.</returns>
    public int SetPit(in kvm_pit_channels channels)
    {
        lock (DeviceLock)
        {
            if (_timer is null) return -Errno.ENXIO;
            _timer.Set(channels);
            return 0;
        }
    }

    /// <summary>KVM_GET_PIT2.</summary>
    /// <returns>-ENXIO without a timer.</returns>
    public int GetPit(out kvm_pit_state2 state)
    {
        lock (DeviceLock)
        {
            state = _timer?.Get() ?? default;
            return _timer is null ? -Errno.ENXIO : 0;
        }
    }

    /// <summary>KVM_SET_PIT2.</summary>
    /// <returns>-ENXIO without a timer.</returns>
    public int SetPit(in kvm_pit_state2 state)
    {
        lock (DeviceLock)
        {
            if (_timer is null) return -Errno.ENXIO;
            _timer.Set(state);
            return 0;
        }
    }

    /// <summary>KVM_REINJECT_CONTROL.</summary>
    /// <returns>-ENXIO without a timer.</returns>
    public int ControlReinjection(in kvm_reinject_control control)
    {
        lock (DeviceLock)
        {
            if (_timer is null) return -Errno.ENXIO;
            _timer.Reinjects = control.pit_reinject != 0;
            return 0;
        }
    }
}
