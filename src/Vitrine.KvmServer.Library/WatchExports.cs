using System.Runtime.InteropServices;
using Vitrine.Kvm.Watch;

namespace Vitrine.KvmServer.Library;

/// <summary>What the hook and the loader call where the host's own KVM is only watched (native/common/core_interface.h). Nothing that goes wrong here reaches the client.</summary>
internal static class WatchExports
{
    /// <summary>Address of a word that is 0 when nobody wants to hear of calls any more.</summary>
    [UnmanagedCallersOnly(EntryPoint = "vitrine_kvm_watch_interest")]
    public static nint Interest() => WatchedHost.Current.Interest;

    /// <summary>/dev/kvm has been opened.</summary>
    [UnmanagedCallersOnly(EntryPoint = "vitrine_kvm_watch_opened")]
    public static void Opened(int descriptor) => WatchedHost.Current.Opened(descriptor);

    /// <summary>A descriptor is about to be closed.</summary>
    [UnmanagedCallersOnly(EntryPoint = "vitrine_kvm_watch_closing")]
    public static void Closing(int descriptor) => WatchedHost.Current.Closing(descriptor);

    /// <summary>An ioctl is about to be made.</summary>
    /// <returns>A number of <see cref="CallStart"/>.</returns>
    [UnmanagedCallersOnly(EntryPoint = "vitrine_kvm_watch_begins")]
    public static int Begins(int descriptor, ulong request, ulong argument) => (int)WatchedHost.Current.Begins(descriptor, (uint)request, argument);

    /// <summary>An ioctl has been made, by the thread that said that it begins.</summary>
    /// <returns>What the client gets, or <see cref="KvmWatch.Again"/>.</returns>
    [UnmanagedCallersOnly(EntryPoint = "vitrine_kvm_watch_ends")]
    public static long Ends(int descriptor, long result, int interrupted) => WatchedHost.Current.Ends(descriptor, result, interrupted != 0);
}
