using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Apic;

/// <summary>The registers, as MMIO page and as MSRs.</summary>
internal sealed partial class LocalApic
{
    private const ulong ApicBaseBsp = ResetState.ApicBaseBsp;
    private const ulong ApicBaseExtended = ResetState.ApicBaseX2ApicEnable;
    private const ulong ApicBaseEnable = ResetState.ApicBaseEnable;

    private const uint VersionValue = 0x0005_0014; // version 14h, last LVT entry 5, EOI broadcast can't be suppressed

    private const int LvtTimer = 0, LvtLint0 = 3, LvtLint1 = 4, LvtError = 5, LvtCount = 6;

    private const uint EsrSendIllegalVector = 1u << 5;
    private const uint EsrReceiveIllegalVector = 1u << 6;
    private const uint EsrIllegalRegister = 1u << 7;

    /// <summary>
    /// Writable bits of the LVT entries: vector 7:0, delivery mode 10:8, polarity 13, trigger mode 15, mask 16, timer mode 18:17.
    /// </summary>
    private static ReadOnlySpan<uint> LvtWritable => [0x7_00FF, 0x1_07FF, 0x1_07FF, 0x1_A7FF, 0x1_A7FF, 0x1_00FF];

    /// <summary>Read-only status bits, which a WRMSR may hold without a fault: delivery status 12, remote IRR 14.</summary>
    private static ReadOnlySpan<uint> LvtStatus => [0x1000, 0x1000, 0x1000, 0x5000, 0x5000, 0x1000];

    private readonly uint[] _lvt = new uint[LvtCount];
    private ulong _apicBase;
    private uint _tpr;
    private uint _ldr;
    private uint _dfr;
    private uint _svr;
    private uint _esr;
    private uint _esrPending;
    private uint _icrLow;
    private uint _icrHigh;

    /// <summary>IA32_APIC_BASE. Change it with <see cref="TrySetApicBase"/>.</summary>
    public ulong ApicBase => _apicBase;

    /// <summary>Guest-physical address of the register page; only there in xAPIC mode.</summary>
    public ulong PageAddress => _apicBase & ~0xFFFUL;

    /// <summary>The page of registers can be reached by memory accesses.</summary>
    public bool IsMmioEnabled => (_apicBase & (ApicBaseEnable | ApicBaseExtended)) == ApicBaseEnable;

    /// <summary>Registers are MSRs.</summary>
    public bool IsX2Apic => (_apicBase & ApicBaseExtended) != 0;

    /// <summary>IA32_APIC_BASE[11]: CPUID.1:EDX[9] shows it.</summary>
    public bool IsEnabled => (_apicBase & ApicBaseEnable) != 0;

    /// <summary>CR8: bits 7:4 of the task-priority register (SDM vol. 3, 11.8.6).</summary>
    public byte Cr8
    {
        get => (byte)(_tpr >> 4);
        set => SetTpr((uint)(value & 0xF) << 4);
    }

    private bool IsSoftwareEnabled => (_svr & SvrEnable) != 0;

    private uint X2ApicLdr => ((_id & ~0xFu) << 12) | (1u << (int)(_id & 0xF));

    /// <summary>After RESET.</summary>
    public void Reset()
    {
        _apicBase = ResetState.ApicDefaultBase | ApicBaseEnable | (_bootstrap ? ApicBaseBsp : 0);
        Interlocked.Exchange(ref _events, 0);
        ResetRegisters();
    }

    /// <summary>After INIT: as RESET, but base address, mode and id stay (11.4.7.3).</summary>
    public void Init() => ResetRegisters();

    /// <summary>WRMSR to IA32_APIC_BASE (11.4.4, 11.12.5 "x2APIC State Transitions").</summary>
    /// <param name="value">The new value.</param>
    /// <param name="maxPhyAddr">Width of physical addresses in bits.</param>
    /// <returns>False for #GP(0): a reserved bit, or a transition that isn't allowed.</returns>
    public bool TrySetApicBase(ulong value, int maxPhyAddr)
    {
        ulong allowed = (((1UL << maxPhyAddr) - 1) & ~0xFFFUL) | ApicBaseBsp | ApicBaseEnable | (_x2ApicSupported ? ApicBaseExtended : 0);
        if ((value & ~allowed) != 0)
            return false;
        bool enable = (value & ApicBaseEnable) != 0, extended = (value & ApicBaseExtended) != 0;
        if (extended && !enable)
            return false;
        // To x2APIC only from xAPIC mode, and out of it only by disabling.
        if (extended && !IsEnabled)
            return false;
        if (IsX2Apic && enable && !extended)
            return false;
        bool disabled = IsEnabled && !enable;
        Volatile.Write(ref _apicBase, value);
        if (disabled)
            ResetRegisters();
        UpdateDeliverable();
        return true;
    }

    /// <summary>
    /// Reads the register page. Registers are 32 bits wide, at multiples of 16 bytes; what lies between reads 0.
    /// </summary>
    /// <param name="offset">Offset in the page.</param>
    public uint Read(uint offset)
    {
        if ((offset & 0xF) != 0)
            return 0;
        if (offset == ApicRegister.Id)
            return _id << 24;
        if (offset == ApicRegister.IcrHigh)
            return _icrHigh;
        if (offset == ApicRegister.Dfr)
            return _dfr;
        if (offset is ApicRegister.Apr or ApicRegister.Rrd or ApicRegister.Eoi)
            return 0;
        if (TryReadCommon(offset, out uint value))
            return value;
        ReportError(EsrIllegalRegister);
        return 0;
    }

    /// <summary>Writes the register page.</summary>
    /// <param name="offset">Offset in the page.</param>
    /// <param name="value">32 bits.</param>
    public void Write(uint offset, uint value)
    {
        if ((offset & 0xF) != 0)
            return;
        switch (offset)
        {
            case ApicRegister.Ldr:
                Volatile.Write(ref _ldr, value & 0xFF00_0000);
                break;
            case ApicRegister.Dfr:
                Volatile.Write(ref _dfr, value | 0x0FFF_FFFF);
                break;
            case ApicRegister.IcrHigh:
                _icrHigh = value & 0xFF00_0000;
                break;
            case ApicRegister.IcrLow:
                _icrLow = value & IcrWritable;
                SendCommand(InterruptCommand.WidenDestination(_icrHigh >> 24));
                break;
            case ApicRegister.Eoi:
                EndOfInterrupt();
                break;
            case ApicRegister.Id or ApicRegister.Version or ApicRegister.Apr or ApicRegister.Ppr or ApicRegister.Rrd
                or ApicRegister.CurrentCount:
            case >= ApicRegister.Isr and < ApicRegister.Esr:
                break; // read only
            default:
                if (!TryWriteCommon(offset, value))
                    ReportError(EsrIllegalRegister);
                break;
        }
    }

    /// <summary>RDMSR of 800H to 8FFH.</summary>
    /// <returns>False for #GP(0): not in x2APIC mode, no such register, or one that can't be read.</returns>
    public bool TryReadMsr(uint index, out ulong value)
    {
        value = 0;
        if (!IsX2Apic)
            return false;
        uint offset = (index - 0x800) << 4;
        switch (offset)
        {
            case ApicRegister.Id:
                value = _id;
                return true;
            case ApicRegister.Ldr:
                value = X2ApicLdr;
                return true;
            case ApicRegister.IcrLow:
                value = ((ulong)_icrHigh << 32) | _icrLow;
                return true;
            default:
                bool there = TryReadCommon(offset, out uint low);
                value = low;
                return there;
        }
    }

    /// <summary>WRMSR to 800H to 8FFH.</summary>
    /// <returns>False for #GP(0): not in x2APIC mode, no such register, one that can't be written, or a reserved bit.</returns>
    public bool TryWriteMsr(uint index, ulong value)
    {
        if (!IsX2Apic)
            return false;
        uint offset = (index - 0x800) << 4;
        if (offset == ApicRegister.IcrLow)
        {
            const uint DeliveryStatus = 1u << 12;
            if (((uint)value & ~(IcrWritable | DeliveryStatus)) != 0)
                return false;
            _icrHigh = (uint)(value >> 32);
            _icrLow = (uint)value & IcrWritable;
            SendCommand(_icrHigh);
            return true;
        }

        if ((value & ~(ulong)WritableInX2Apic(offset)) != 0)
            return false;
        switch (offset)
        {
            case ApicRegister.Eoi:
                EndOfInterrupt();
                return true;
            case ApicRegister.SelfIpi:
                SendToSelf((byte)value);
                return true;
            default:
                return TryWriteCommon(offset, (uint)value);
        }
    }

    /// <summary>Bits that WRMSR may set (table 11-6); of registers that can't be written at all, any: their write fails later.</summary>
    private static uint WritableInX2Apic(uint offset) => offset switch
    {
        ApicRegister.Tpr or ApicRegister.SelfIpi => 0xFF,
        ApicRegister.Eoi or ApicRegister.Esr => 0,
        ApicRegister.Svr => 0x1FF,
        ApicRegister.DivideConfiguration => 0xB,
        >= ApicRegister.LvtTimer and <= ApicRegister.LvtError => LvtWritable[LvtIndex(offset)] | LvtStatus[LvtIndex(offset)],
        _ => uint.MaxValue,
    };

    private static int LvtIndex(uint offset) => (int)(offset - ApicRegister.LvtTimer) >> 4;

    /// <summary>Reads what both modes have in the same shape.</summary>
    private bool TryReadCommon(uint offset, out uint value)
    {
        if (Volatile.Read(ref _incoming) != 0)
            TakeIncoming();
        value = 0;
        switch (offset)
        {
            case ApicRegister.Version:
                value = VersionValue;
                break;
            case ApicRegister.Tpr:
                value = _tpr;
                break;
            case ApicRegister.Ppr:
                value = Ppr;
                break;
            case ApicRegister.Ldr:
                value = _ldr;
                break;
            case ApicRegister.Svr:
                value = _svr;
                break;
            case >= ApicRegister.Isr and < ApicRegister.Tmr:
                value = _isr.GetRegister((int)(offset - ApicRegister.Isr) >> 4);
                break;
            case >= ApicRegister.Tmr and < ApicRegister.Irr:
                value = _tmr.GetRegister((int)(offset - ApicRegister.Tmr) >> 4);
                break;
            case >= ApicRegister.Irr and < ApicRegister.Esr:
                value = _irr.GetRegister((int)(offset - ApicRegister.Irr) >> 4);
                break;
            case ApicRegister.Esr:
                value = _esr;
                break;
            case ApicRegister.IcrLow:
                value = _icrLow;
                break;
            case >= ApicRegister.LvtTimer and <= ApicRegister.LvtError:
                value = _lvt[LvtIndex(offset)];
                break;
            case ApicRegister.InitialCount:
                value = _timer.InitialCount;
                break;
            case ApicRegister.CurrentCount:
                value = _timer.CurrentCount(_clock.Now);
                break;
            case ApicRegister.DivideConfiguration:
                value = _timer.DivideConfiguration;
                break;
            default:
                return false;
        }

        return true;
    }

    /// <summary>Writes what both modes have in the same shape.</summary>
    private bool TryWriteCommon(uint offset, uint value)
    {
        // An expiry that is due belongs to the settings before this write.
        Advance(_clock.Now);
        switch (offset)
        {
            case ApicRegister.Tpr:
                SetTpr(value & 0xFF);
                return true;
            case ApicRegister.Svr:
                Volatile.Write(ref _svr, value & 0x1FF);
                if (!IsSoftwareEnabled)
                    MaskAllLocal();
                return true;
            case ApicRegister.Esr:
                // A write latches what has come since the last (11.5.3 "Error Handling").
                _esr = _esrPending;
                _esrPending = 0;
                return true;
            case >= ApicRegister.LvtTimer and <= ApicRegister.LvtError:
                WriteLvt(LvtIndex(offset), value);
                return true;
            case ApicRegister.InitialCount:
                _timer.SetInitialCount(value);
                return true;
            case ApicRegister.DivideConfiguration:
                _timer.SetDivideConfiguration(value);
                return true;
            default:
                return false;
        }
    }

    /// <summary>IA32_TSC_DEADLINE; 0 when not armed.</summary>
    public ulong TscDeadline
    {
        get
        {
            Advance(_clock.Now);
            return _timer.TscDeadline;
        }

        set
        {
            Advance(_clock.Now);
            _timer.SetTscDeadline(value);
            // One that has passed already fires at once.
            Advance(_clock.Now);
        }
    }

    private void SetTpr(uint value)
    {
        Volatile.Write(ref _tpr, value);
        UpdateDeliverable();
    }

    private void WriteLvt(int entry, uint value)
    {
        value = (value & LvtWritable[entry]) | (_lvt[entry] & LvtRemoteIrr);
        if (!IsSoftwareEnabled)
            value |= LvtMasked;
        bool unmasked = (_lvt[entry] & LvtMasked) != 0 && (value & LvtMasked) == 0;
        _lvt[entry] = value;
        if (entry == LvtTimer)
            _timer.SetMode(value);
        // A level-triggered pin that is high fires as soon as it may.
        if (unmasked && entry is LvtLint0 or LvtLint1 && (value & (LvtLevelTriggered | LvtRemoteIrr | LvtMasked)) == LvtLevelTriggered
            && (Volatile.Read(ref _lines) & (entry == LvtLint0 ? 1 : 2)) != 0)
        {
            RaiseLocal(entry);
        }
    }

    private void MaskAllLocal()
    {
        for (int i = 0; i < LvtCount; i++)
            _lvt[i] |= LvtMasked;
    }

    private void ResetRegisters()
    {
        _irr = default;
        _isr = default;
        _tmr = default;
        _eoiBroadcasts = default;
        for (int i = 0; i < VectorSet.Words; i++)
        {
            Interlocked.Exchange(ref _incomingEdge[i], 0);
            Interlocked.Exchange(ref _incomingLevel[i], 0);
        }

        Volatile.Write(ref _tpr, 0);
        Volatile.Write(ref _ldr, 0);
        Volatile.Write(ref _dfr, uint.MaxValue);
        Volatile.Write(ref _svr, 0xFF);
        _esr = 0;
        _esrPending = 0;
        _icrLow = 0;
        _icrHigh = 0;
        Array.Fill(_lvt, LvtMasked);
        // Virtual wire mode from the start, see ResetState.
        if (_bootstrap)
            _lvt[LvtLint0] = (uint)DeliveryMode.ExtInt << 8;
        _timer.Reset();
        UpdateDeliverable();
    }
}
