using System.Runtime.CompilerServices;
using Vitrine.Accelerators.Software.HostCode;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>
/// Who lives in which register of the host while translated code runs. RSP holds the address of the state; guest RSP takes R11,
/// and the guest's R10, R11 and R15 are held in memory, which leaves two registers for address translation.
/// All others are in the host register of the same name.
/// </summary>
internal static class RegisterMap
{
    // One bit each. A shift by -1 is one by 31, to none of them.
    private const int HeldRegisters = (1 << 10) | (1 << 11) | (1 << 15);

    /// <summary>The address of the state.</summary>
    public const HostRegister State = HostRegister.Rsp;

    /// <summary>The guest's RSP.</summary>
    public const HostRegister GuestStack = HostRegister.R11;

    /// <summary>Holds an address or a target for a moment.</summary>
    public const HostRegister First = HostRegister.R10;

    /// <summary>Holds a TLB entry or an addend for a moment, or the host address of an operand.</summary>
    public const HostRegister Second = HostRegister.R15;

    /// <summary>The host register of a guest register, or <see cref="HostRegister.None"/> when it is held in memory.</summary>
    /// <param name="guest">The guest's register, by its number.</param>
    public static HostRegister Of(int guest) => guest switch
    {
        X86.State.Gpr.Rsp => GuestStack,
        10 or 11 or 15 => HostRegister.None,
        _ => (HostRegister)guest,
    };

    /// <summary>True for a guest register that has no host register. False for -1, which is no register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsHeld(int guest) => ((HeldRegisters >> guest) & 1) != 0;
}
