using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Interpreter.Integer;

/// <summary>
/// The host's LOCK CMPXCHG16B, which the runtime has no operation for: a few bytes of machine code. Where the host refuses executable memory, or has no such
/// instruction, it isn't there, and the vCPU that needs it has to be alone.
/// </summary>
internal static unsafe partial class WideExchange
{
    // SAFETY: the code is written before it becomes executable and never freed; it touches nothing but its three arguments.
    private const int PageBytes = Page.Size;
    private const int Read = 1;
    private const int Write = 2;
    private const int Execute = 4;
    private const int PrivateAnonymous = 0x22;
    private const int CompareExchange16 = 1 << 13;
    private const nint Failed = -1;

    private static readonly delegate* unmanaged[SuppressGCTransition]<UInt128*, UInt128*, UInt128*, byte> s_code = Emit();

    /// <summary>True where it can be used.</summary>
    public static bool IsSupported => s_code != null;

    /// <summary>Puts a value in the place of another.</summary>
    /// <param name="target">16-byte aligned.</param>
    /// <param name="value">What must be there; receives what is there instead.</param>
    /// <param name="replacement">The new value.</param>
    /// <returns>False when something else is there.</returns>
    public static bool TryReplace(UInt128* target, ref UInt128 value, UInt128 replacement)
    {
        UInt128 seen = value;
        bool replaced = s_code(target, &seen, &replacement) != 0;
        value = seen;
        return replaced;
    }

    // The System V calling convention: RDI target, RSI value, RDX replacement; RBX is the caller's.
    private static ReadOnlySpan<byte> Code =>
    [
        0x53,                         // push rbx
        0x48, 0x8B, 0x1A,             // mov rbx, [rdx]
        0x48, 0x8B, 0x4A, 0x08,       // mov rcx, [rdx + 8]
        0x48, 0x8B, 0x06,             // mov rax, [rsi]
        0x48, 0x8B, 0x56, 0x08,       // mov rdx, [rsi + 8]
        0xF0, 0x48, 0x0F, 0xC7, 0x0F, // lock cmpxchg16b [rdi]
        0x48, 0x89, 0x06,             // mov [rsi], rax
        0x48, 0x89, 0x56, 0x08,       // mov [rsi + 8], rdx
        0x0F, 0x94, 0xC0,             // sete al
        0x5B,                         // pop rbx
        0xC3,                         // ret
    ];

    private static delegate* unmanaged[SuppressGCTransition]<UInt128*, UInt128*, UInt128*, byte> Emit()
    {
        if (!X86Base.X64.IsSupported || !OperatingSystem.IsLinux() || (X86Base.CpuId(1, 0).Ecx & CompareExchange16) == 0) return null;
        nint memory = Mmap(0, PageBytes, Read | Write, PrivateAnonymous, -1, 0);
        if (memory == Failed) return null;
        Code.CopyTo(new Span<byte>((void*)memory, PageBytes));
        if (Mprotect(memory, PageBytes, Read | Execute) == 0)
            return (delegate* unmanaged[SuppressGCTransition]<UInt128*, UInt128*, UInt128*, byte>)memory;
        _ = Munmap(memory, PageBytes);
        return null;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Mmap(nint address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Mprotect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Munmap(nint address, nuint length);
}
