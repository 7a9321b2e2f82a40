using Vitrine.X86.Exceptions;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>Records a fault and says so: <c>return GuestFault.GeneralProtection(cpu, code);</c>.</summary>
internal static unsafe class GuestFault
{
    // SAFETY: writes to the running vCPU's state.

    /// <summary>Bit 0 of an error code: the fault arose while an event from outside the program was delivered (SDM vol. 3, 6.13).</summary>
    public const uint External = 1;

    /// <summary>Bit 1 of an error code: the index is one of the IDT.</summary>
    public const uint Idt = 2;

    /// <summary>#GP(<paramref name="errorCode"/>).</summary>
    public static bool GeneralProtection(CpuState* cpu, uint errorCode) => Set(cpu, ExceptionVector.GP, errorCode);

    /// <summary>#NP(<paramref name="errorCode"/>).</summary>
    public static bool NotPresent(CpuState* cpu, uint errorCode) => Set(cpu, ExceptionVector.NP, errorCode);

    /// <summary>#SS(<paramref name="errorCode"/>).</summary>
    public static bool Stack(CpuState* cpu, uint errorCode) => Set(cpu, ExceptionVector.SS, errorCode);

    /// <summary>#TS(<paramref name="errorCode"/>).</summary>
    public static bool InvalidTss(CpuState* cpu, uint errorCode) => Set(cpu, ExceptionVector.TS, errorCode);

    /// <summary>Records a fault with error code.</summary>
    /// <returns>False.</returns>
    public static bool Set(CpuState* cpu, byte vector, uint errorCode)
    {
        cpu->SetFault(vector, errorCode);
        return false;
    }

    /// <summary>The error code that names a selector: index and table, without RPL.</summary>
    public static uint ErrorCode(ushort selector, uint external = 0) => (selector & 0xFFFCu) | external;
}
