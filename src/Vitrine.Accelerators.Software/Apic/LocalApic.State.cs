using System.Buffers.Binary;

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

    private static uint Get(ReadOnlySpan<byte> page, uint offset) => BinaryPrimitives.ReadUInt32LittleEndian(page[(int)offset..]);
}
