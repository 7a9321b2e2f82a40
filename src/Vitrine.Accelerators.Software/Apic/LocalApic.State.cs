using System.Buffers.Binary;
using Vitrine.Accelerators.Capture;
using Vitrine.Errors;

namespace Vitrine.Accelerators.Software.Apic;

/// <summary>Saving and restoring, in KVM's layout: the register page's first 1,024 bytes (struct kvm_lapic_state).</summary>
internal sealed partial class LocalApic
{
    /// <summary>Size of the saved registers in bytes.</summary>
    public const int StateSize = 1024;

    /// <summary>
    /// Writes the registers. The id is in bits 31:24 of its register in both modes, as KVM has it. IA32_APIC_BASE and
    /// IA32_TSC_DEADLINE are not in it.
    /// </summary>
    /// <param name="page">At least <see cref="StateSize"/> bytes.</param>
    public void SaveState(Span<byte> page)
    {
        page = page[..StateSize];
        page.Clear();
        for (uint offset = 0; offset < StateSize; offset += 0x10)
        {
            uint value = offset switch
            {
                ApicRegister.Id => _id << 24,
                ApicRegister.Dfr => _dfr,
                ApicRegister.Ldr => IsX2Apic ? X2ApicLdr : _ldr,
                ApicRegister.IcrHigh => _icrHigh,
                _ => TryReadCommon(offset, out uint common) ? common : 0,
            };
            BinaryPrimitives.WriteUInt32LittleEndian(page[(int)offset..], value);
        }
    }

    /// <summary>
    /// Reads the registers back. Id and version stay what they are; the timer goes on from the current count. Set
    /// IA32_TSC_DEADLINE after it.
    /// </summary>
    /// <param name="page">At least <see cref="StateSize"/> bytes.</param>
    /// <param name="apicBase">IA32_APIC_BASE; no transition rules apply.</param>
    public void LoadState(ReadOnlySpan<byte> page, ulong apicBase)
    {
        ResetRegisters();
        Volatile.Write(ref _apicBase, apicBase);
        _tpr = Get(page, ApicRegister.Tpr) & 0xFF;
        Volatile.Write(ref _ldr, Get(page, ApicRegister.Ldr) & 0xFF00_0000);
        Volatile.Write(ref _dfr, Get(page, ApicRegister.Dfr) | 0x0FFF_FFFF);
        _svr = Get(page, ApicRegister.Svr) & 0x1FF;
        _esr = Get(page, ApicRegister.Esr) & 0xFF;
        _icrLow = Get(page, ApicRegister.IcrLow) & IcrWritable;
        _icrHigh = Get(page, ApicRegister.IcrHigh);
        for (uint i = 0; i < 8; i++)
        {
            _isr.SetRegister((int)i, Get(page, ApicRegister.Isr + (0x10 * i)));
            _tmr.SetRegister((int)i, Get(page, ApicRegister.Tmr + (0x10 * i)));
            _irr.SetRegister((int)i, Get(page, ApicRegister.Irr + (0x10 * i)));
        }

        for (uint i = 0; i < LvtCount; i++)
            _lvt[i] = Get(page, ApicRegister.LvtTimer + (0x10 * i)) & (LvtWritable[(int)i] | (LvtStatus[(int)i] & LvtRemoteIrr));
        _timer.SetMode(_lvt[LvtTimer]);
        _timer.SetDivideConfiguration(Get(page, ApicRegister.DivideConfiguration));
        _timer.Restore(Get(page, ApicRegister.InitialCount), Get(page, ApicRegister.CurrentCount));
        UpdateDeliverable();
    }

    /// <summary>Sets IA32_APIC_BASE from outside: no transition rules apply, and registers stay.</summary>
    public void RestoreBase(ulong apicBase)
    {
        Volatile.Write(ref _apicBase, apicBase);
        UpdateDeliverable();
    }

    /// <summary>
    /// What the page doesn't show, of a vCPU that is not running. To be read after the page, which takes in what other threads left.
    /// </summary>
    public HiddenLocalApicState SaveHiddenState()
    {
        (bool counts, uint count, long time) = _timer.Progress;
        return new HiddenLocalApicState
        {
            PendingErrors = _esrPending,
            Pins = Volatile.Read(ref _lines),
            EoiBroadcasts = [_eoiBroadcasts[0], _eoiBroadcasts[1], _eoiBroadcasts[2], _eoiBroadcasts[3]],
            TimerCounts = counts,
            TimerCount = count,
            TimerTime = time,
        };
    }

    /// <summary>Takes over what <see cref="SaveHiddenState"/> gave, after <see cref="LoadState"/>.</summary>
    /// <param name="part">Whose it is, for the error.</param>
    /// <param name="state">The state; nothing in it is trusted.</param>
    /// <exception cref="VitrineException">No local APIC can have it.</exception>
    public void LoadHiddenState(string part, HiddenLocalApicState state)
    {
        const int Pins = 3;
        const long LongestLife = 1L << 60;
        InvalidState.Unless((state.Pins & ~Pins) == 0, part, $"the local APIC has no pins 0x{state.Pins:x}");
        InvalidState.Unless((state.PendingErrors & ~0xFFu) == 0, part, $"the local APIC has no errors 0x{state.PendingErrors:x}");
        int words = state.EoiBroadcasts.Length;
        InvalidState.Unless(words == VectorSet.Words, part, $"the ends of interrupts have {words} words");
        bool living = state.TimerTime is >= -LongestLife and <= LongestLife;
        InvalidState.Unless(living, part, $"the local APIC's timer counts since {state.TimerTime} ns");
        _esrPending = state.PendingErrors;
        Volatile.Write(ref _lines, state.Pins);
        Interlocked.Exchange(ref _risenLines, 0);
        Interlocked.Exchange(ref _risenAgain, 0);
        for (int i = 0; i < VectorSet.Words; i++) _eoiBroadcasts[i] = state.EoiBroadcasts[i];
        _timer.RestoreProgress(state.TimerCounts && state.TimerCount != 0, state.TimerCount, state.TimerTime);
    }

    private static uint Get(ReadOnlySpan<byte> page, uint offset) => BinaryPrimitives.ReadUInt32LittleEndian(page[(int)offset..]);
}
