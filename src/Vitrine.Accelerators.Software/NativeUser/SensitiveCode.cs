using System.Numerics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>
/// Finds bytes that would be an instruction which shows the host's processor where the guest's is meant, and which the host doesn't make fault: a page with them anywhere
/// is never executable in a stub, since a program can jump to any byte.
/// </summary>
/// <remarks>
/// SDM vol. 2, appendix A: CPUID (0F A2); LAR and LSL of a register (0F 02, 0F 03), by which kernels tell programs a processor's number; VMCALL, XGETBV, ENCLU, VMMCALL,
/// RDPKRU and WRPKRU (0F 01 and C1, D0, D7, D9, EE, EF); RDPID (F3 0F C7 /7); XSAVE, XRSTOR, XSAVEOPT (0F AE /4 to /6) and XSAVEC (0F C7 /4), which access as many bytes
/// as the host's processor has state. SLDT, STR, SGDT, SIDT and SMSW fault with CR4.UMIP, or are among them where the host lacks it; RDTSC and RDTSCP fault with CR4.TSD,
/// which stubs have. Left to the host are VERR, VERW, and LAR and LSL with memory: they answer by its descriptor table, and their bytes are too often parts of other
/// instructions.
/// </remarks>
internal static unsafe class SensitiveCode
{
    // SAFETY: reads the pages that it is given.
    private const int PageBytes = 0x1000;
    private const byte Escape = 0x0F;
    private const byte Cpuid = 0xA2;
    private const byte Repeat = 0xF3;

    // CPUID leaf 7: ECX bit 2. Linux sets CR4.UMIP where there is one.
    private static readonly bool s_hasUmip = (X86Base.CpuId(7, 0).Ecx & 4) != 0;

    /// <summary>Finds the places in a page.</summary>
    /// <param name="page">Host address of the page.</param>
    /// <param name="offsets">Room for the first of them.</param>
    /// <returns>How many there are; more than there is room for where they don't fit, or one's beginning isn't known.</returns>
    public static int Find(byte* page, Span<ushort> offsets)
    {
        int count = 0;
        Vector256<byte> escape = Vector256.Create(Escape);
        for (int i = 0; i < PageBytes; i += Vector256<byte>.Count)
        {
            for (uint found = Vector256.Equals(Vector256.Load(page + i), escape).ExtractMostSignificantBits(); found != 0; found &= found - 1)
            {
                int at = i + BitOperations.TrailingZeroCount(found);
                bool sensitive = at < PageBytes - 2 ? IsSensitive(page[at + 1], page[at + 2], page, at) : at == PageBytes - 2 && page[at + 1] == Cpuid;
                if (!sensitive) continue;

                // With prefixes the instruction begins before, and each of them may be where.
                int first = FirstPrefix(page, at);
                if (first == 0 || count + at - first >= offsets.Length) return offsets.Length + 1;
                for (int place = first; place <= at; place++) offsets[count++] = (ushort)place;
            }
        }

        return count;
    }

    /// <summary>True when such an instruction begins in a page and ends in the next one.</summary>
    /// <param name="page">Host address of the page.</param>
    /// <param name="next">Host address of the page that follows in the program.</param>
    public static bool IsBetween(byte* page, byte* next) =>
        (page[PageBytes - 2] == Escape && IsSensitive(page[PageBytes - 1], next[0], page, PageBytes - 2)) ||
        (page[PageBytes - 1] == Escape && IsSensitive(next[0], next[1], page, PageBytes - 1));

    private static bool IsSensitive(byte opcode, byte form, byte* page, int at)
    {
        int extension = (form >> 3) & 7;
        bool isRegister = form >= 0xC0;
        return opcode switch
        {
            Cpuid => true,
            0x00 => !s_hasUmip && extension <= 1,
            0x01 => form is 0xC1 or 0xD0 or 0xD7 or 0xD9 or 0xEE or 0xEF || (!s_hasUmip && (extension == 4 || (!isRegister && extension <= 1))),
            0x02 or 0x03 => isRegister,
            0xAE => !isRegister && extension is 4 or 5 or 6,
            0xC7 => isRegister ? extension == 7 && HasRepeat(page, at) : extension == 4,
            _ => false,
        };
    }

    /// <summary>Where the prefixes before a byte begin; the byte itself where there are none. With LOCK none of the instructions exists.</summary>
    private static int FirstPrefix(byte* page, int at)
    {
        while (at > 0 && page[at - 1] is 0x26 or 0x2E or 0x36 or 0x3E or 0x64 or 0x65 or 0x66 or 0x67 or 0xF2 or Repeat or (>= 0x40 and <= 0x4F)) at--;
        return at;
    }

    /// <summary>RDPID has a prefix F3, before a REX prefix or others; whether there is one in the page before isn't known.</summary>
    private static bool HasRepeat(byte* page, int at)
    {
        int first = FirstPrefix(page, at);
        return first == 0 || new Span<byte>(page + first, at - first).Contains(Repeat);
    }
}
