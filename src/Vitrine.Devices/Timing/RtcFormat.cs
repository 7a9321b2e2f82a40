using static Vitrine.Devices.Timing.CmosRtcRegisters;

namespace Vitrine.Devices.Timing;

/// <summary>How an MC146818 writes time into its registers, by bits 2 and 1 of register B.</summary>
/// <param name="IsBinary">Binary, else packed BCD.</param>
/// <param name="Is24Hours">0 to 23, else 1 to 12 with bit 7 in the afternoon.</param>
internal readonly record struct RtcFormat(bool IsBinary, bool Is24Hours)
{
    private const int SecondsPerDay = 86_400;

    public void Write(DateTime time, Span<byte> registers)
    {
        registers[Seconds] = Encode(time.Second);
        registers[Minutes] = Encode(time.Minute);
        registers[Hours] = EncodeHour(time.Hour);
        registers[Weekday] = Encode((int)time.DayOfWeek + 1);
        registers[Day] = Encode(time.Day);
        registers[Month] = Encode(time.Month);
        registers[Year] = Encode(time.Year % 100);
        registers[Century] = Encode(time.Year / 100);
    }

    /// <summary>The time that registers hold; what no calendar has is brought to the nearest that it has.</summary>
    public DateTime Read(ReadOnlySpan<byte> registers)
    {
        int year = Math.Clamp(Decode(registers[Century]) * 100 + Decode(registers[Year]), 1, 9999);
        int month = Math.Clamp(Decode(registers[Month]), 1, 12);
        int day = Math.Clamp(Decode(registers[Day]), 1, DateTime.DaysInMonth(year, month));
        int hour = Math.Min(DecodeHour(registers[Hours]), 23);
        return new(year, month, day, hour, Math.Min(Decode(registers[Minutes]), 59), Math.Min(Decode(registers[Seconds]), 59));
    }

    /// <summary>The first second after another that matches the alarm registers, or <see cref="long.MaxValue"/>.</summary>
    /// <param name="after">Seconds since the calendar began.</param>
    /// <param name="hours">Hours alarm register; 0xC0 and above match any hour, and so for the others.</param>
    /// <param name="minutes">Minutes alarm register.</param>
    /// <param name="seconds">Seconds alarm register.</param>
    public long NextAlarm(long after, byte hours, byte minutes, byte seconds)
    {
        long end = after + SecondsPerDay;
        for (long second = after + 1; second <= end;)
        {
            int ofDay = (int)(second % SecondsPerDay);
            if (hours < AlarmAny && EncodeHour(ofDay / 3600) != hours) second += 3600 - ofDay % 3600;
            else if (minutes < AlarmAny && Encode(ofDay / 60 % 60) != minutes) second += 60 - ofDay % 60;
            else if (seconds < AlarmAny && Encode(ofDay % 60) != seconds) second++;
            else return second;
        }
        return long.MaxValue;
    }

    private byte Encode(int value) => (byte)(IsBinary ? value : (value / 10 << 4) | (value % 10));

    private int Decode(int value) => IsBinary ? value : (value >> 4) * 10 + (value & 15);

    private byte EncodeHour(int hour) => Is24Hours
        ? Encode(hour)
        : (byte)(Encode((hour + 11) % 12 + 1) | (hour >= 12 ? AfternoonBit : 0));

    private int DecodeHour(byte value) => Is24Hours
        ? Decode(value)
        : Decode(value & ~AfternoonBit) % 12 + ((value & AfternoonBit) != 0 ? 12 : 0);
}
