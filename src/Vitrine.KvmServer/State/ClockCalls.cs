using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Engine;
using Vitrine.KvmServer.Native;
using Vitrine.Timing;

namespace Vitrine.KvmServer.State;

/// <summary>The machine's time as the paravirtual clock shows it (KVM_GET_CLOCK, KVM_SET_CLOCK).</summary>
internal static class ClockCalls
{
    private const long NanosecondsPerTick = 100;

    /// <summary>KVM_GET_CLOCK.</summary>
    public static int Get(ulong address, VmEngine engine)
    {
        MachineClock clock = engine.Clock;
        kvm_clock_data data = new()
        {
            clock = (ulong)(clock.Now + engine.ClockOffset),
            flags = KvmConstants.KVM_CLOCK_TSC_STABLE | KvmConstants.KVM_CLOCK_REALTIME,
            realtime = Realtime(clock),
        };
        return ClientMemory.Write(address, data);
    }

    /// <summary>KVM_SET_CLOCK: with the flag KVM_CLOCK_REALTIME, what has passed since that time of day is added.</summary>
    /// <returns>0, -EINVAL for unknown flags, or -EFAULT.</returns>
    public static int Set(ulong address, VmEngine engine)
    {
        int error = ClientMemory.Read(address, out kvm_clock_data data);
        if (error < 0) return error;
        const uint Known = KvmConstants.KVM_CLOCK_REALTIME | KvmConstants.KVM_CLOCK_TSC_STABLE | KvmConstants.KVM_CLOCK_HOST_TSC;
        if ((data.flags & ~Known) != 0) return -Errno.EINVAL;
        ulong now = Realtime(engine.Clock);
        bool later = (data.flags & KvmConstants.KVM_CLOCK_REALTIME) != 0 && now > data.realtime;
        engine.ClockOffset = (long)(data.clock + (later ? now - data.realtime : 0)) - engine.Clock.Now;
        return 0;
    }

    /// <summary>KVM_KVMCLOCK_CTRL: the guest has been paused. The machine's time is that of its host, so that a guest's watchdog has nothing to be told.</summary>
    /// <returns>0, or -EINVAL where the guest has not turned the paravirtual clock on.</returns>
    public static int NotePause(ServedVcpu vcpu)
    {
        const uint SystemTime = 0x12;
        const uint SystemTimeNew = 0x4B564D01;
        const ulong Enabled = 1;
        foreach (uint index in (ReadOnlySpan<uint>)[SystemTime, SystemTimeNew])
        {
            if (vcpu.Parts.TryReadMsr(index, out ulong value) && (value & Enabled) != 0) return 0;
        }

        return -Errno.EINVAL;
    }

    private static ulong Realtime(MachineClock clock) => (ulong)((clock.UtcNow - DateTimeOffset.UnixEpoch).Ticks * NanosecondsPerTick);
}
