using Vitrine.X86.Registers;

namespace Vitrine.Accelerators.Software.System;

/// <summary>
/// The registers of the machine-check architecture (SDM vol. 3, 16.3): nothing goes wrong here, so they only hold what is written. There are none until somebody says
/// that there are.
/// </summary>
internal sealed class MachineCheckBanks
{
    private const int Most = 32;
    private const int PerBank = 4;
    private const ulong CountMask = 0xFF;
    private const ulong HasControl = 1 << 8;

    private readonly ulong[] _banks = new ulong[Most * PerBank];
    private ulong _control;
    private ulong _status;

    /// <summary>IA32_MCG_CAP: how many banks there are, in bits 7:0, and what they can.</summary>
    public ulong Capabilities { get; private set; }

    /// <summary>Every register but <see cref="Capabilities"/>.</summary>
    public static IEnumerable<uint> Indices
    {
        get
        {
            yield return Msr.IA32_MCG_STATUS;
            yield return Msr.IA32_MCG_CTL;
            for (uint i = 0; i < Most * PerBank; i++) yield return Msr.IA32_MC0_CTL + i;
        }
    }

    /// <summary>Says which banks there are. All controls are on, as KVM has them.</summary>
    public void SetUp(ulong capabilities)
    {
        Capabilities = capabilities;
        _control = (capabilities & HasControl) != 0 ? ulong.MaxValue : 0;
        Array.Clear(_banks);
        for (int bank = 0; bank < Math.Min((int)(capabilities & CountMask), Most); bank++) _banks[bank * PerBank] = ulong.MaxValue;
    }

    /// <summary>Reads a register.</summary>
    /// <param name="index">Which.</param>
    /// <param name="isHost">It is read from outside, where all banks are.</param>
    /// <param name="value">Its value.</param>
    /// <returns>False when there is none.</returns>
    public bool TryRead(uint index, bool isHost, out ulong value)
    {
        value = index switch
        {
            Msr.IA32_MCG_CAP => Capabilities,
            Msr.IA32_MCG_STATUS => _status,
            Msr.IA32_MCG_CTL => _control,
            _ => 0,
        };
        if (index is Msr.IA32_MCG_CAP or Msr.IA32_MCG_STATUS) return true;
        if (index == Msr.IA32_MCG_CTL) return isHost || (Capabilities & HasControl) != 0;
        if (!IsBank(index, isHost)) return false;
        value = _banks[index - Msr.IA32_MC0_CTL];
        return true;
    }

    /// <summary>Writes a register. From inside only zeros go to those of a state.</summary>
    /// <returns>False when there is none, or it can't hold the value.</returns>
    public bool TryWrite(uint index, ulong value, bool isHost)
    {
        if (index == Msr.IA32_MCG_STATUS)
        {
            if (!isHost && Capabilities == 0 && value != 0) return false;
            _status = value;
            return true;
        }

        if (index == Msr.IA32_MCG_CTL)
        {
            if (!isHost && ((Capabilities & HasControl) == 0 || value is not (0 or ulong.MaxValue))) return false;
            _control = value;
            return true;
        }

        const uint StatusRegister = 1;
        if (!IsBank(index, isHost) || (!isHost && value != 0 && (index & (PerBank - 1)) == StatusRegister)) return false;
        _banks[index - Msr.IA32_MC0_CTL] = value;
        return true;
    }

    private bool IsBank(uint index, bool isHost)
    {
        uint banks = isHost ? Most : Math.Min((uint)(Capabilities & CountMask), Most);
        return index - Msr.IA32_MC0_CTL < banks * PerBank;
    }
}
