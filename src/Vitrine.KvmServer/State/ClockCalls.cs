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

    private static ulong Realtime(MachineClock clock) => (ulong)((clock.UtcNow - DateTimeOffset.UnixEpoch).Ticks * NanosecondsPerTick);
}
