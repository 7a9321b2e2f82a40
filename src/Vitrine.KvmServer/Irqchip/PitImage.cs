using Vitrine.Devices.Timing;
using Vitrine.Kvm.Abi;

namespace Vitrine.KvmServer.Irqchip;

/// <summary>Between a counter of the 8254 and its kvm_pit_channel_state.</summary>
internal static class PitImage
{
    private const byte Unprogrammed = 0xFF;
    private const int BothBytes = 3;
    private const byte HighByteNext = 4;
    private const byte LatchedHighByteNext = 2;

    /// <summary>What KVM shows of a counter.</summary>
    /// <param name="state">The counter.</param>
    /// <param name="loaded">When it was loaded, in the client's nanoseconds.</param>
    public static kvm_pit_channel_state Of(in PitCounter.State state, long loaded)
    {
        if (state.Phase == PitCounter.Phase.Unprogrammed)
        {
            return new kvm_pit_channel_state
            {
                count = (uint)state.CountRegister,
                mode = Unprogrammed,
                gate = Bit(state.Gate),
                count_load_time = loaded,
            };
        }

        return new kvm_pit_channel_state
        {
            count = (uint)state.CountRegister,
            latched_count = (ushort)Math.Max(state.LatchedCount, 0),
            count_latched = Latched(state),
            status_latched = Bit(state.LatchedStatus >= 0),
            status = (byte)Math.Max(state.LatchedStatus, 0),
            read_state = NextByte(state, state.ReadHigh && state.LatchedCount < 0),
            write_state = NextByte(state, state.WriteHigh),
            write_latch = state.LowByte,
            rw_mode = (byte)state.Access,
            mode = (byte)state.Mode,
            bcd = Bit(state.Bcd),
            gate = Bit(state.Gate),
            count_load_time = loaded,
        };
    }

    /// <summary>What a counter can have of a client's structure: it counts since it was loaded.</summary>
    /// <param name="image">The client's.</param>
    /// <param name="loaded">When it was loaded, in input clocks.</param>
    /// <param name="now">Now, in input clocks.</param>
    public static PitCounter.State ToState(in kvm_pit_channel_state image, long loaded, long now)
    {
        bool programmed = image.mode <= 5;
        int count = (int)Math.Clamp(image.count, 1, 0x1_0000);
        bool gate = image.gate != 0;
        return new PitCounter.State
        {
            Phase = programmed ? PhaseOf(image.mode, gate) : PitCounter.Phase.Unprogrammed,
            Mode = programmed ? image.mode : 0,
            Access = image.rw_mode is 1 or 2 or BothBytes ? image.rw_mode : BothBytes,
            Bcd = image.bcd != 0,
            Gate = gate,
            CountRegister = count,
            Count = count,
            Start = loaded,
            Held = Math.Max(now - loaded, 0),
            LowByte = image.write_latch,
            WriteHigh = image.write_state == HighByteNext,
            ReadHigh = image.count_latched == 0
                ? image.read_state == HighByteNext
                : image.count_latched == LatchedHighByteNext && image.rw_mode == BothBytes,
            LatchedCount = image.count_latched != 0 ? image.latched_count : -1,
            LatchedStatus = image.status_latched != 0 ? image.status : -1,
        };
    }

    private static PitCounter.Phase PhaseOf(int mode, bool gate) => mode switch
    {
        _ when gate => PitCounter.Phase.Counting,
        0 or 4 => PitCounter.Phase.Held,
        2 or 3 => PitCounter.Phase.AwaitsTrigger,
        _ => PitCounter.Phase.Counting,
    };

    private static byte Latched(in PitCounter.State state)
    {
        if (state.LatchedCount < 0) return 0;
        return state.Access == BothBytes && state.ReadHigh ? LatchedHighByteNext : (byte)state.Access;
    }

    private static byte NextByte(in PitCounter.State state, bool high) => high ? HighByteNext : (byte)state.Access;

    private static byte Bit(bool value) => value ? (byte)1 : (byte)0;
}
